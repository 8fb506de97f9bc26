# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Masks the secrets of a run in messages."""

from __future__ import annotations

import base64
import json
from typing import Iterable, Set, Tuple
from urllib.parse import quote, quote_plus

SHORTEST_MASKED = 8  # characters; masking a shorter secret could reveal it
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


class Secrets:
    """The secrets of one run, in every form in which they are transmitted."""

    def __init__(self) -> None:
        self._forms: Tuple[str, ...] = ()  # longest first, because one can contain another

    def add(self, secret: str) -> None:
        """Mask a secret that is sent as JSON or in a URL."""
        self.add_forms(_forms_of(secret))

    def add_forms(self, forms: Iterable[str]) -> None:
        """Mask these texts, but no other forms of them."""
        self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))

    def mask(self, text: str) -> str:
        """Return the text with all secrets masked, in any of their forms."""
        for form in self._forms:
            if form in text and len(form) < SHORTEST_MASKED:
                return "(not shown, because it contains a secret)"
            text = text.replace(form, "********")
        return text


def _forms_of(secret: str) -> Set[str]:
    """Return the forms in which a reply can repeat a secret that was sent as JSON."""
    forms = set()
    for text in (secret, secret.strip()):
        encoded = text.encode(errors="surrogatepass")
        forms |= {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
        forms |= {quote(encoded), quote(encoded, safe=""), quote_plus(encoded)}
        forms |= {text.translate(_HTML), text.translate(_HTML).replace("&#39;", "&#x27;")}
        forms.add(base64.b64encode(encoded).decode().rstrip("="))
    return forms - {""}
