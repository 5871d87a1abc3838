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
        head: str | None = ""
        for piece in pieces:
            if head is not None:
                head += piece
                if len(head) <= len(self.text):
                    continue
                piece, head = self._without(head), None
            if piece:
                yield piece
        if head:
            yield from filter(None, [self._without(head)])

    def _without(self, text: str) -> str:
        rest = text.removeprefix(self.text)
        return rest if self._before_blanks or rest[:1].strip() else text


def _learned(template: Template, answer: str) -> str:
    turn = (Message(role="user", content="나"), Message(role="assistant", content=answer))
    return "".join(segment.text for segment in template.render(turn) if answer in segment.text)
