"""The chat template that other tools read: Jinja for transformers and llama.cpp, and what its turns are made
of. Knows no file and no other template language.
"""

from __future__ import annotations

from typing import NamedTuple

from dajeong.chat_sandbox import rendered
from dajeong.errors import DataProblem
from dajeong.models.tokenize import TextTokenizer
from dajeong.records import Message
from dajeong.templates import Template

WHITE = " \t\n\r"


def jinja_for(template: Template, tokenizer: TextTokenizer) -> str:
    """The template as Jinja that also writes the BOS which our tokens begin with, where there is one.

    transformers adds no special token to what a chat template has written.
    """
    source = template.jinja()
    if tokenizer.bos_id is None:
        return source
    bos, eos = tokenizer.huggingface.bos_token, tokenizer.huggingface.eos_token
    shown = rendered(template.name, source, [{"role": "user", "content": "가"}], bos, eos)
    return source if shown.startswith(bos) else "{{- bos_token -}}" + source


class Turns(NamedTuple):
    """All the text around the messages of a conversation that ends with a question."""

    opening: str
    """Before the first question, where nobody set a system message."""
    before_system: str
    after_system: str
    """Between a system message and the first question."""
    after_question: str
    """Behind the last question: what an answer starts from."""
    before_answer: str
    """Between that and an answer that does not begin with white space."""
    after_answer: str
    """Between an answer and the next question, the end of the turn included."""

    def text(self, messages: list[Message]) -> str:
        """The conversation; ends with a question."""
        parts: list[str] = []
        for index, message in enumerate(messages):
            if message.role == "system":
                parts += [self.before_system, message.content, self.after_system]
            elif message.role == "assistant":
                blank = "" if message.content[:1] in ("", *WHITE) else self.before_answer
                parts += [blank, message.content, self.after_answer]
            else:
                parts += [self.opening * (index == 0), message.content, self.after_question]
        return "".join(parts)


_NAMES = ("가나다", "라마바", "사아자", "차카타", "파하거", "너더러")


def turns_of(template: Template, bos: str, eos: str) -> Turns:
    """How the template joins messages. Raises DataProblem where that depends on more than their order."""
    without = _around(template, bos, eos, "user", "assistant", "user")
    given = _around(template, bos, eos, "system", "user", "assistant", "user")
    found = Turns(
        opening=without[0],
        before_system=given[0],
        after_system=given[1],
        after_question=without[3],
        before_answer=without[1].removeprefix(without[3]),
        after_answer=without[2],
    )
    for roles in (("user",), ("system", "user"), ("system", *("user", "assistant") * 2, "user")):
        messages = [Message(role=role, content=name) for role, name in zip(roles, _NAMES, strict=False)]
        if found.text(messages) != written(template, messages, bos, eos):
            raise DataProblem("export-turns", template=template.name)
    return found


def _around(template: Template, bos: str, eos: str, *roles: str) -> list[str]:
    """The text before, between and behind messages of these roles."""
    messages = [
        Message.model_validate({"role": role, "content": name})
        for role, name in zip(roles, _NAMES, strict=False)
    ]
    rest, parts = written(template, messages, bos, eos), []
    for message in messages:
        before, _, rest = rest.partition(message.content)
        parts.append(before)
    return [*parts, rest]


def written(template: Template, messages: list[Message], bos: str, eos: str) -> str:
    """The conversation as one text, as our tokens read it: BOS first, and the ends of turns spelled out."""
    text = "".join(
        segment.text or eos if segment.kind == "end" else segment.text
        for segment in template.render(messages)
    )
    return text if text.startswith(bos) else bos + text
