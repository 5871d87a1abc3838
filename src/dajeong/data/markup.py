"""HTML as chat services and forums save it → Markdown. Knows tags, not who wrote them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

_TAG = re.compile(
    r"</?(?:p|div|pre|ol|ul|li|h[1-6]|br|blockquote|table|tr|td|th|span|strong|em)(?:\s[^<>]*)?/?>", re.I
)
_FENCE = re.compile(r"(^```.*?^```[^\S\n]*$)", re.MULTILINE | re.DOTALL)
_LEFT_OUT = frozenset({"script", "style", "button", "svg", "head", "title", "template"})
_BLOCKS = frozenset({"p", "div", "section", "article", "table", "tr", "ul", "ol", "pre", "hr"})
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_INLINE = {"strong": "**", "b": "**", "em": "*", "i": "*", "del": "~~"}


def has_markup(text: str) -> bool:
    """Whether an HTML tag stands outside of code fences."""
    return bool(_TAG.search(_FENCE.sub("", text)))


def markdown_of(text: str) -> str:
    """The text with HTML outside of fences turned to Markdown; fences themselves stay as they are."""
    parts = _FENCE.split(text)
    if len(parts) == 1:
        return _converted(text)
    return "\n".join(
        part if index % 2 else _converted(part)
        for index, part in enumerate(parts)
        if index % 2 or part.strip()
    )


def _converted(html: str) -> str:
    writer = _Writer()
    # `<![` opens a section that HTML does not know; the parser would raise
    writer.feed(html.replace("<![", "&lt;!["))
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    """Writes Markdown as tags come and go; a tag never closed or never opened does no harm."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.lists: list[int | None] = []
        self.links: list[str] = []
        self.quotes: list[int] = []
        """Where quotes begin among the pieces."""
        self.left_out = 0
        self.code: list[str] | None = None
        self.language = ""

    def text(self) -> str:
        self._end_code()
        while self.quotes:
            self._end_quote()
        written = "".join(self.pieces)
        written = re.sub(r"[^\S\n]+\n", "\n", written)
        return re.sub(r"\n{3,}", "\n\n", written).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _LEFT_OUT:
            self.left_out += 1
        elif self.code is not None:
            self._note_language(given)
        elif tag == "pre":
            self.code, self.language = [], ""
        else:
            self._open(tag, given)

    def _open(self, tag: str, given: dict[str, str]) -> None:
        if tag in ("ul", "ol"):
            self.lists.append(0 if tag == "ol" else None)
            self._newline(1)
        elif tag == "li":
            self._item()
        elif tag == "a":
            self.links.append(given.get("href", ""))
            self.pieces.append("[")
        elif tag == "blockquote":
            self._newline(2)
            self.quotes.append(len(self.pieces))
        elif tag == "img":
            self.pieces.append(f"![{given.get('alt', '')}]({given.get('src', '')})")
        else:
            self._simple(tag, opens=True)

    def _simple(self, tag: str, opens: bool) -> None:
        if tag == "br":
            self.pieces.append("\n")
        elif tag == "code":
            self.pieces.append("`")
        elif tag in _INLINE:
            self.pieces.append(_INLINE[tag])
        elif tag in _HEADINGS:
            self._newline(2)
            self.pieces.append(_HEADINGS[tag] if opens else "")
        elif tag in ("td", "th"):
            self.pieces.append("| " if opens else " ")
        elif tag in _BLOCKS:
            self._newline(1 if tag in ("tr", "ul", "ol") or self.lists else 2)
            self.pieces.append("---\n" if tag == "hr" and opens else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _LEFT_OUT:
            self.left_out = max(0, self.left_out - 1)
        elif tag == "pre":
            self._end_code()
        elif self.code is not None:
            return
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
            self._newline(1 if self.lists else 2)
        elif tag == "a" and self.links:
            self.pieces.append(f"]({self.links.pop()})")
        elif tag == "blockquote" and self.quotes:
            self._end_quote()
        elif tag not in ("ul", "ol", "a", "li", "br", "hr", "blockquote"):
            self._simple(tag, opens=False)

    def handle_data(self, data: str) -> None:
        if self.left_out:
            return
        if self.code is not None:
            self.code.append(data)
        elif data.strip() or not self._at_line_start():
            self.pieces.append(data if "\n" not in data else re.sub(r"[^\S\n]*\n\s*", self._line_end, data))

    def _line_end(self, found: re.Match[str]) -> str:
        """Blank lines part paragraphs; a single line end in running HTML stays one."""
        return "\n\n" if found[0].count("\n") > 1 else "\n"

    def _at_line_start(self) -> bool:
        return not self.pieces or self.pieces[-1].endswith("\n")

    def _newline(self, wanted: int) -> None:
        tail = "".join(self.pieces[-3:])
        there = len(tail) - len(tail.rstrip("\n"))
        if self.pieces:
            self.pieces.append("\n" * max(0, wanted - there))

    def _item(self) -> None:
        self._newline(1)
        indent = "  " * max(0, len(self.lists) - 1)
        number = self.lists[-1] if self.lists else None
        if number is None:
            self.pieces.append(f"{indent}- ")
        else:
            self.lists[-1] = number + 1
            self.pieces.append(f"{indent}{number + 1}. ")

    def _end_quote(self) -> None:
        start = self.quotes.pop()
        quoted = re.sub(r"\n{3,}", "\n\n", "".join(self.pieces[start:])).strip("\n")
        self.pieces[start:] = [re.sub(r"^", "> ", quoted, flags=re.MULTILINE), "\n\n"]

    def _note_language(self, given: dict[str, str]) -> None:
        found = re.search(r"language-([\w+#-]+)", given.get("class", ""))
        if found:
            self.language = found[1]
            self.code = []  # what came before stands in the header of the code box

    def _end_code(self) -> None:
        if self.code is None:
            return
        language, code = without_copy_code("".join(self.code))
        self.code = None
        self._newline(2)
        self.pieces.append(f"```{self.language or language}\n{code.strip(chr(10))}\n```\n\n")


_COPY: Callable[[str], re.Match[str] | None] = re.compile(r"\s*([\w+#-]{0,20}?)\s*Copy code\b").match


def without_copy_code(code: str) -> tuple[str, str]:
    """The language and the code behind the header "pythonCopy code" that a copied code box begins with."""
    found = _COPY(code)
    return (found[1], code[found.end() :]) if found else ("", code)
