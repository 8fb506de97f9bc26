# Copyright (c) 2026, The improvmx.email contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a report in a real browser, if the machine has one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator import Fault
from harness import Modules

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
if BROWSER is None:
    pytest.skip(f"this machine has no browser ({', '.join(BROWSERS)})", allow_module_level=True)
reason = "the tools of requirements-dev.txt are not installed"
playwright = pytest.importorskip("playwright.sync_api", reason=reason)
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason)

OWNER = "owner@mail.example"
LONG = "a-very-long-name-without-any-place-to-break-it-" * 5
HOSTILE = (
    "<script>alert(1)</script><img src=//h.example/x onerror=alert(1)>{{ 7 * 7 }} \u202eשלום\ud800 " + LONG
)


def mail(number: int, domain: str, status: str = "DELIVERED", **fields: Any) -> dict[str, Any]:
    came = int(time.time() * 1000) - 3_600_000 * number - 60_000
    return {
        "id": f"{domain}-{number}",
        "created": came,
        "sender": {"email": "lena@studio-nord.example", "name": "Lena"},
        "recipient": {"email": f"info@{domain}", "name": None},
        "forward": {"email": "ann@mail.example", "name": None},
        "subject": f"Invoice {number}",
        "events": [{"created": came, "status": status, "code": 550, "message": "550 5.1.1 no such user"}],
        **fields,
    }


def domain(name: str, *logs: dict[str, Any], **options: Any) -> dict[str, Any]:
    aliases = {"info": "ann@mail.example", "old": "https://ann:pw@hooks.example/in?token=abc", "*": OWNER}
    return {"domain": name, "active": True, "aliases": aliases, "logs": list(logs), **options}


def small() -> list[dict[str, Any]]:
    logs = [mail(n, "shop.example", "HARD-BOUNCE" if n % 9 == 0 else "DELIVERED") for n in range(60)]
    refused = mail(5, "tea.example", "REFUSED", forward=None, recipient={"email": "jobs@tea.example"})
    tea = domain("tea.example", mail(1, "tea.example", "SOFT-BOUNCE"), refused, aliases={"info": OWNER})
    return [domain("shop.example", *logs), tea, domain("bücher.example", active=False)]


def large() -> list[dict[str, Any]]:
    names = [f"d{number:03}.example" for number in range(60)]
    return [
        domain(name, mail(3, name), mail(4, name, "HARD-BOUNCE"), active=name[3] != "7") for name in names
    ]


def broken() -> list[dict[str, Any]]:
    person = {"email": HOSTILE, "name": HOSTILE}
    strange = {"sender": person, "recipient": person, "forward": person, "subject": HOSTILE}
    event = {"created": 0, "status": HOSTILE, "message": HOSTILE, "code": HOSTILE}
    logs = [
        mail(1, "x.example", "HARD-BOUNCE", **strange),
        mail(2, "x.example", "REFUSED", **{**strange, "forward": None}),
        mail(3, "x.example", events=[event]),
        {"created": "yesterday"},
    ]
    name = "xn--" + "b" * 55 + ".example"
    return [domain("x.example", *logs, aliases={LONG[:150]: OWNER}), domain(name), domain("unread.example")]


ACCOUNTS = {"small": small, "large": large, "empty": list, "broken": broken}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def written(modules: Modules, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)

    def write(account: str) -> str:
        modules.emulator.seed({"domains": ACCOUNTS[account]()})
        if account == "broken":
            modules.emulator.faults.add(Fault("body", path="/unread.example/logs", body=7))
        result = modules.run("improvmx_report", path="r.html", check_dns=account == "small")
        assert not result.get("failed"), result["msg"]
        return (tmp_path / "r.html").as_uri()

    return write


# The elements with text of their own that extend beyond the window or their own box.
OVERFLOWING = """() => [...document.querySelectorAll('body *')].filter(element => {
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  const place = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  const head = element.closest('thead');
  const hidden = head && getComputedStyle(head).position === 'absolute';
  if (!own || hidden || !place.width) return false;
  const cut = style.display !== 'inline' && element.scrollWidth > element.clientWidth + 1;
  return cut || place.left < -1 || place.right > innerWidth + 1;
}).map(element => element.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("account", ACCOUNTS)
def test_page_can_be_read(browser: Any, written: Any, account: str, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    address = written(account)
    page.goto(address)
    try:
        assert [url for url in requests if not url.startswith("data:")] == [address]
        assert complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOWING) == []
        assert page.locator("script, img, iframe, object, form").count() == 0
        for landmark in ("header", "nav", "main", "footer"):
            assert page.locator(f"body > {landmark}, body > header > {landmark}").count() == 1
        found = axe.Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
        assert complaints == []
    finally:
        page.close()


def test_errors_of_a_page_are_found(browser: Any) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.set_content(
        f"<p>fits</p><p style='white-space:nowrap'>{LONG}</p><div style='width:50px'>{LONG}</div>"
    )
    assert len(page.evaluate(OVERFLOWING)) == 2
    found = axe.Axe().run(page).response["violations"]
    assert {"document-title", "html-has-lang"} <= {one["id"] for one in found}
    page.close()


def test_page_can_be_used_with_a_keyboard(browser: Any, written: Any) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(written("small"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#attention"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#time")
    page.close()


def test_page_can_be_printed_with_every_alias(browser: Any, written: Any) -> None:
    page = browser.new_page()
    page.goto(written("small"))
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    for row in page.locator("#aliases ~ details tbody tr").all():
        assert row.is_visible()
    page.close()
