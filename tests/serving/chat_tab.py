"""The chat page in a browser, as a person uses it: writes, waits, reads. Knows no engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser

from browser import Tab, tab

LAST = ".turn:last-child "
WRITTEN = "document.querySelector('#stop').hidden"


class Chat:
    def __init__(self, opened: Tab) -> None:
        self.tab, self.page = opened, opened.page

    def ready(self) -> Chat:
        self.page.wait_for_selector("#left:enabled")
        return self

    def send(self, words: str) -> None:
        """By keyboard; does not wait for the answer."""
        self.page.fill("#text", words)
        self.page.press("#text", "Enter")

    def say(self, words: str) -> str:
        """The answer, or the left one of two."""
        before = self.page.locator(".turn").count()
        self.send(words)
        self.tab.wait_for(f"document.querySelectorAll('.turn').length > {before} && {WRITTEN}")
        return self.answers[0]

    def wait_for_text(self, words: str) -> None:
        self.page.locator("#turns", has_text=words).wait_for()

    @property
    def said(self) -> list[str]:
        """What the user said, from the first turn on."""
        return self.page.locator(".said").all_inner_texts()

    @property
    def answers(self) -> list[str]:
        """Those of the last turn."""
        return self.page.locator(LAST + ".text").all_inner_texts()

    @property
    def titles(self) -> list[str]:
        return self.page.locator("#list .open").all_inner_texts()

    def kept(self, name: str) -> Any:
        return self.page.evaluate("name => JSON.parse(localStorage.getItem(`dajeong-chat:${name}`))", name)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).last.click()

    def dial(self, name: str, value: str) -> None:
        self.page.click("#show-settings")
        self.page.fill(f"#dial-{name}", value)
        self.page.click("#settings-close")


@contextlib.contextmanager
def chatting(browser: Browser, url: str, **look: Any) -> Iterator[Chat]:
    """A person with the page open: nothing left this machine and nobody complained."""
    with tab(browser, url, **look) as opened:
        yield Chat(opened).ready()
        assert [address for address in opened.asked if not address.startswith(url)] == []
        assert opened.said == []
