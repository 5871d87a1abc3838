"""A page in a real browser: opened, its complaints and requests kept. Knows no page of ours.

Chromium of the system, driven by playwright; nothing is downloaded. Where there is none, tests marked
`needs_browser` are skipped and say so, unless DAJEONG_BROWSER=required: then they fail.
The fixture `browser` is in conftest.py. Everything else is playwright's own page:
`tab.page.click("#send")`, `.fill("#text", "안녕")`, `.keyboard.press("ArrowLeft")`, `.locator(…)`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
PATIENCE_MS = 20_000

needs_browser = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("DAJEONG_BROWSER") != "required",
    reason="no chromium on this machine: apt-get install chromium",
)


class Tab(NamedTuple):
    page: Page
    said: list[str]
    """Every line of the console and every error of a script."""
    asked: list[str]
    """Every address that was requested."""

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_for(self, expression: str) -> None:
        """Until a JavaScript expression is true; also where a page's policy forbids `wait_for_function`."""
        for _ in range(PATIENCE_MS // 20):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"never true: {expression}")

    def screenshot(self, path: Path) -> None:
        self.page.screenshot(path=path, full_page=True)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window; closed by the end of a module, as playwright's loop must not outlive it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield opened
        opened.close()


@contextlib.contextmanager
def tab(
    browser: Browser, address: str, width: int = 1280, scheme: str = "light", language: str = "ko-KR"
) -> Iterator[Tab]:
    """A page of its own, its storage too: two tabs are two people. `scheme`: light or dark."""
    context = browser.new_context(
        viewport={"width": width, "height": 844 if width < 600 else 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale=language,
        has_touch=width < 600,
    )
    context.set_default_timeout(PATIENCE_MS)
    opened = Tab(context.new_page(), [], [])
    opened.page.on("console", lambda message: opened.said.append(message.text))
    opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.page.on("request", lambda request: opened.asked.append(request.url))
    opened.page.goto(address)
    try:
        yield opened
    finally:
        context.close()
