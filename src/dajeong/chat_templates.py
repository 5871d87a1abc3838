"""Any Hugging Face chat template as segments. Message contents never enter the rendering: stand-ins do, and
the contents are put back as plain text, so nothing a user writes can become a control token or a template.

A prompt is the dialogue with one more, unwritten answer, cut where that answer would begin: generation starts
from exactly what training has seen before an answer, whatever `add_generation_prompt` would have written.
Blanks between a header and its answer belong to the answer, as tokens join a blank to the word behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from dajeong.chat_sandbox import rendered
from dajeong.errors import DataProblem
from dajeong.records import Message
from dajeong.templates import Segment, Template, check_roles

END_TOKENS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "[|endofturn|]",
    "<|end_of_turn|>",
    "<turn|>",
    "<|eot|>",
    "<|eom_id|>",
    "<|end|>",
    "<|return|>",
    "<|endofturn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<eos>",
    "</s>",
)
"""What the chat models in use close a turn with."""

# Private-use characters: no letter case, no white space, in no tokenizer's control tokens.
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"
_STAND_IN = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


class Shape(NamedTuple):
    """All that a template may see of a message."""

    role: str
    leading: str
    trailing: str


class Piece(NamedTuple):
    """Control text; or the content of message `content_of`, with the white space left around it."""

    text: str
    content_of: int | None = None
    leading: str = ""
    trailing: str = ""


class JinjaTemplate(Template):
    """A `chat_template` from a tokenizer. A message's context is a paragraph of its own after its content."""

    form: Literal["jinja"] = "jinja"
    source: str
    bos: str = ""
    """The text of `bos_token`."""
    eos: str = ""
    """The text of `eos_token`."""
    end_tokens: tuple[str, ...] = END_TOKENS
    """Beside `eos`: texts that may close an assistant turn."""

    def render(self, messages: Sequence[Message]) -> list[Segment]:
        check_roles(messages, self.name)
        unwritten = [Message(role="assistant", content="")] * (messages[-1].role == "user")
        texts = [_paragraphs(message) for message in messages]
        shapes = (*map(_shape, messages, texts), *(Shape(m.role, "", "") for m in unwritten))
        segments: list[Segment] = []
        answered = False
        for piece in _pieces(self.name, self.source, self.bos, self.eos, shapes):
            if piece.content_of is None:
                segments += self._control(piece.text, answered)
                continue
            answered = shapes[piece.content_of].role == "assistant"
            blank = _blank_taken(segments) if answered else ""
            if piece.content_of == len(messages):
                break
            text = piece.leading + texts[piece.content_of].strip() + piece.trailing
            segments.append(Segment(blank + text, answered))
        return [segment for segment in segments if segment.text]

    def _control(self, text: str, answered: bool) -> list[Segment]:
        """Control text; after an answer its first token ends the turn, learned with the blanks before it."""
        if not answered:
            return [Segment(text, False, "control")]
        bare = text.lstrip()
        known = [token for token in (self.eos, *self.end_tokens) if token and bare.startswith(token)]
        if not known:
            raise self._not_closed(text)
        end = max(known, key=len)
        blank, rest = text[: len(text) - len(bare)], bare[len(end) :]
        return [Segment(blank, True), Segment(end, True, "end"), Segment(rest, False, "control")]

    def _not_closed(self, found: str) -> DataProblem:
        known = ", ".join(dict.fromkeys(token for token in (self.eos, *self.end_tokens) if token))
        return DataProblem("template-not-closed", template=self.name, found=repr(found[:40]), known=known)

    def jinja(self) -> str:
        return self.source

    def end_texts(self) -> frozenset[str]:
        probe = (Message(role="user", content="?"), Message(role="assistant", content="!"))
        return frozenset(segment.text for segment in self.render(probe) if segment.kind == "end")


def _blank_taken(segments: list[Segment]) -> str:
    """Cuts the blanks off the end of what was said last; returns them."""
    if not segments:
        return ""
    text = segments[-1].text
    segments[-1] = segments[-1]._replace(text=text.rstrip(" "))
    return text[len(segments[-1].text) :]


def _paragraphs(message: Message) -> str:
    return f"{message.content}\n\n{message.context}" if message.context else message.content


def _shape(message: Message, text: str) -> Shape:
    bare = text.lstrip()
    return Shape(message.role, text[: len(text) - len(bare)], bare[len(bare.rstrip()) :])


@lru_cache(maxsize=1024)
def _pieces(name: str, source: str, bos: str, eos: str, shapes: tuple[Shape, ...]) -> tuple[Piece, ...]:
    """Rendered without white space, which shows the control text, then with, which shows what is trimmed."""
    bare = _split(name, source, bos, eos, [Shape(shape.role, "", "") for shape in shapes])
    _each_once(name, bare[1], shapes)
    if not any(shape.leading or shape.trailing for shape in shapes):
        return _assembled(bare, [("", "")] * len(shapes))
    spaced = _split(name, source, bos, eos, shapes)
    if spaced[1] != bare[1]:
        raise DataProblem("template-failed", template=name, problem="its messages depend on white space")
    return _assembled(bare, _left_over(name, bare, spaced[0], shapes))


def _split(
    name: str, source: str, bos: str, eos: str, shapes: Sequence[Shape]
) -> tuple[list[str], list[int]]:
    """Control texts around the stand-ins (one more than those); the stand-ins' message numbers in order."""
    messages = [
        {"role": shape.role, "content": f"{shape.leading}{_OPEN}{index}{_CLOSE}{shape.trailing}"}
        for index, shape in enumerate(shapes)
    ]
    parts = _STAND_IN.split(rendered(name, source, messages, bos, eos))
    return parts[::2], [int(index) for index in parts[1::2]]


def _each_once(name: str, order: Sequence[int], shapes: Sequence[Shape]) -> None:
    for index, shape in enumerate(shapes):
        if order.count(index) != 1:
            raise DataProblem("template-loses-text", template=name, role=shape.role, times=order.count(index))


def _left_over(
    name: str, bare: tuple[list[str], list[int]], spaced: Sequence[str], shapes: Sequence[Shape]
) -> list[tuple[str, str]]:
    """Per stand-in in order: the white space that the template left before and after it."""
    order = bare[1]
    before, after = [""] * len(order), [""] * len(order)
    for place, (control, text) in enumerate(zip(bare[0], spaced, strict=True)):
        trailing = shapes[order[place - 1]].trailing if place else ""
        leading = shapes[order[place]].leading if place < len(order) else ""
        spare = len(text) - len(control)
        for end in range(min(spare, len(trailing)), -1, -1):
            start = len(leading) - (spare - end)
            if start >= 0 and trailing[:end] + control + leading[start:] == text:
                break
        else:
            raise DataProblem("template-failed", template=name, problem="its text depends on white space")
        if place:
            after[place - 1] = trailing[:end]
        if place < len(order):
            before[place] = leading[start:]
    return list(zip(before, after, strict=True))


def _assembled(bare: tuple[list[str], list[int]], spaces: Sequence[tuple[str, str]]) -> tuple[Piece, ...]:
    controls, order = bare
    pieces = [Piece(controls[0])]
    for index, (leading, trailing), control in zip(order, spaces, controls[1:], strict=True):
        pieces += [Piece("", index, leading, trailing), Piece(control)]
    return tuple(pieces)
