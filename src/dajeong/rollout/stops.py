"""Text up to the first of some strings, given out as soon as none of them can begin in it. Knows no token."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """The string that ends first counts, so where a text is cut into pieces never matters."""

    def __init__(self, strings: Sequence[str]) -> None:
        assert all(strings), "an empty string stands everywhere"
        self.found = False
        self._strings = tuple(strings)
        self._held = ""

    def add(self, piece: str) -> str:
        """What of the text is certain now; nothing once a string was found."""
        if not self._strings:
            return piece
        if self.found:
            return ""
        text = self._held + piece
        places = [(text.find(each) + len(each), text.find(each)) for each in self._strings if each in text]
        if places:
            self.found, self._held = True, ""
            return text[: min(places)[1]]
        certain = len(text) - max((_begun(text, each) for each in self._strings), default=0)
        self._held = text[certain:]
        return text[:certain]

    def end(self) -> str:
        """What is still held back when no more comes."""
        held, self._held = self._held, ""
        return held


def _begun(text: str, string: str) -> int:
    """How many characters at the end of `text` may be the beginning of `string`."""
    longest = min(len(text), len(string) - 1)
    return next((count for count in range(longest, 0, -1) if text.endswith(string[:count])), 0)
