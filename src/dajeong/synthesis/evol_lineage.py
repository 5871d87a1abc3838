"""Lines of descent: what an instruction began as, and what became of it. Asks nothing and judges nothing."""

from __future__ import annotations

from typing import NamedTuple

from dajeong.data.terms import joint_licence
from dajeong.records import Dialogue, Message, content_id
from dajeong.synthesis import evol_prompts as prompts
from dajeong.synthesis.instruct_settings import Operation

SOURCE = "evol"


class Head(NamedTuple):
    """The latest of a line of descent."""

    id: str
    root: str
    """Id of the record it began with."""
    kind: str
    licence: str
    text: str


class Child(NamedTuple):
    """A rewriting that is being judged."""

    place: int
    """Of its parent among the heads."""
    parent: Head
    operation: Operation
    round: int
    text: str
    model: str

    @property
    def id(self) -> str:
        return content_id(SOURCE, self.text)

    @property
    def where(self) -> str:
        return f"{self.parent.id}, round {self.round}, {self.operation}"


def as_head(child: Child, licence: str) -> Head:
    parent = child.parent
    return Head(child.id, parent.root, parent.kind, joint_licence(parent.licence, licence), child.text)


def as_prompt(child: Child, licence: str) -> Dialogue:
    """The record of a kept rewriting; `meta` holds parent, root, operation and round."""
    head = as_head(child, licence)
    return Dialogue(
        id=head.id,
        source=SOURCE,
        licence=head.licence,
        kind=head.kind,
        meta={
            "method": SOURCE,
            "prompts": prompts.VERSION,
            "model": child.model,
            "parent": child.parent.id,
            "root": head.root,
            "op": child.operation,
            "round": child.round,
        },
        messages=(Message(role="user", content=child.text),),
    )


def with_answer(prompt: Dialogue, answer: str) -> Dialogue:
    messages = (*prompt.messages, Message(role="assistant", content=answer))
    name = content_id(SOURCE, prompt.messages[0].content, answer)
    return prompt.model_copy(update={"id": name, "messages": messages})
