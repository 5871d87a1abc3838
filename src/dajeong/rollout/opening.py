"""What a template writes between header and answer, and the model therefore writes first: often a blank.

A reply's content goes without it, so that rendering prompt and reply again gives the tokens that were drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dajeong.records import Message
from dajeong.templates import Template


class Opening:
    """The opening of one template's answers."""

    def __init__(self, template: Template) -> None:
        self.text = _learned(template, "가").partition("가")[0]
        self._before_blanks = _learned(template, " 가") == f"{self.text} 가"
        """Whether it also stands before an answer that begins with white space."""

    def removed(self, pieces: Iterable[str]) -> Iterator[str]:
        """The pieces of a reply without its opening, as soon as that is certain; never an empty piece."""
        removal = Removal(self)
        for piece in pieces:
            if rest := removal.add(piece):
                yield rest
        if rest := removal.end():
            yield rest

    def without(self, text: str) -> str:
        rest = text.removeprefix(self.text)
        return rest if self._before_blanks or rest[:1].strip() else text


class Removal:
    """The same for one reply whose pieces come one at a time."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._head: str | None = ""

    def add(self, piece: str) -> str:
        if self._head is None:
            return piece
        self._head += piece
        return self.end() if len(self._head) > len(self._opening.text) else ""

    def end(self) -> str:
        """What is still held back when no more comes."""
        head, self._head = self._head, None
        return self._opening.without(head) if head else ""


def _learned(template: Template, answer: str) -> str:
    turn = (Message(role="user", content="나"), Message(role="assistant", content=answer))
    return "".join(segment.text for segment in template.render(turn) if answer in segment.text)
