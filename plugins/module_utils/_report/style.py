# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The style sheet of the report: light and dark, for wide and small screens, and for print. Pure."""

from __future__ import annotations

STYLE = """
:root {
  --paper: #ffffff; --ink: #1a1d21; --quiet: #555d66; --line: #c9ced4; --card: #f4f6f8; --link: #0b57a4;
  --bad: #b3261e; --soon: #8a5300; --good: #1b6e3c;
  --delivered: #2e7d4f; --waiting: #4a7fc1; --undelivered: #c2382f; --no-alias: #b07a00; --unknown: #7d8790;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e7eaed; --quiet: #a6afb8; --line: #3c444c; --card: #1e2328; --link: #8ab8f0;
    --bad: #ff8a80; --soon: #f2b95c; --good: #7fd3a0;
    --delivered: #4caf7a; --waiting: #6fa3e0; --undelivered: #ef6a60; --no-alias: #d9a441; --unknown: #8b959e;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1rem; max-width: 75rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.75rem; margin: 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; border-bottom: 2px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.25rem 0 .25rem; }
p { margin: .4rem 0; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.note, .utc, caption { color: var(--quiet); font-size: .9rem; }
.bad { color: var(--bad); font-weight: 600; }
.fine { color: var(--good); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .5rem;
  margin: 1rem 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: .4rem;
  padding: .5rem .75rem; }
.tiles dt { color: var(--quiet); font-size: .9rem; font-weight: 400; }
.tiles dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; margin: 0; padding: 0; }
nav a { display: inline-block; padding: .3rem 0; }
.findings { list-style: none; margin: 0; padding: 0; }
.finding { border: 1px solid var(--line); border-left: .4rem solid var(--quiet); border-radius: .3rem;
  background: var(--card); margin: .6rem 0; padding: .5rem .75rem; break-inside: avoid; }
.finding h3 { margin: 0; }
.finding.error { border-left-color: var(--bad); }
.finding.warning { border-left-color: var(--soon); }
.badge { border: 1px solid currentColor; border-radius: .25rem; font-size: .8rem; padding: 0 .35rem;
  color: var(--quiet); }
.error .badge { color: var(--bad); }
.warning .badge { color: var(--soon); }
.reasons, .mails { margin: .25rem 0; padding-left: 1.2rem; }
.mails { font-size: .9rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
caption { text-align: left; padding: .2rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; }
.text { overflow-wrap: anywhere; min-width: 8rem; }
thead th { overflow-wrap: normal; }
thead th { border-bottom: 2px solid var(--line); }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.when { min-width: 7rem; }
.picture { width: 45%; }
.bar { display: flex; height: 1.1rem; background: var(--card); border: 1px solid var(--line); }
.piece { display: block; height: 100%; }
.piece.delivered { background: var(--delivered); }
.piece.waiting { background: var(--waiting); }
.piece.undelivered { background:
  repeating-linear-gradient(45deg, var(--undelivered) 0 5px, var(--paper) 5px 7px); }
.piece.no_alias { background:
  repeating-linear-gradient(90deg, var(--no-alias) 0 4px, var(--paper) 4px 6px); }
.piece.unknown { background: var(--unknown); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: .5rem 0;
  padding: 0; }
.legend .piece { display: inline-block; width: 1.2rem; height: .8rem; border: 1px solid var(--line); }
details { border: 1px solid var(--line); border-radius: .3rem; margin: .5rem 0; padding: .25rem .75rem; }
summary { cursor: pointer; padding: .25rem 0; }
summary h3 { display: inline; }
summary span { color: var(--quiet); font-weight: 400; }
footer { margin-top: 3rem; color: var(--quiet); font-size: .9rem; }
@media (max-width: 50rem) {
  table, tbody, tr, th, td, caption { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { border: 1px solid var(--line); border-radius: .3rem; margin: .5rem 0; padding: .25rem .5rem; }
  th, td { border: 0; padding: .15rem 0; min-width: 0; }
  td { display: grid; grid-template-columns: minmax(6rem, 35%) 1fr; gap: .5rem; }
  td::before { content: attr(data-label); color: var(--quiet); font-size: .9rem; }
  td > div { min-width: 0; }
  .number { text-align: left; }
  .picture { width: auto; }
  td.picture { display: block; }
  td.picture::before { content: none; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .piece, .finding, .bar { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  tr, .finding { break-inside: avoid; }
}
"""
