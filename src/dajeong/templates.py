"""How a dialogue becomes text: segments with a learn mask, in order. Knows no tokenizer and no model.

The wording of `kullm`, `alpaca`, `koalpaca`… is in `template_texts`; a Hugging Face chat template is
`chat_templates.JinjaTemplate`. A template travels with the weights as `template.json`, never as a name only.
"""

from __future__ import annotations

import difflib
import json
import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import ValidationError

from dajeong.errors import DataProblem, UsageProblem
from dajeong.records import Frozen, Message
from dajeong.template_texts import INSTRUCTION_TEXTS, InstructionText

SegmentKind = Literal["text", "control", "end"]


class Segment(NamedTuple):
    """A stretch of text that is tokenised by itself."""

    text: str
    learn: bool
    kind: SegmentKind = "text"
    """`text`: plain, special tokens spelled out in it are text. `control`: a template's own text, its special
    tokens are control tokens. `end`: the token that closes an assistant turn; "" is the tokenizer's EOS."""


class Template(Frozen):
    """Dialogue → segments.

    A dialogue that ends with `user` renders up to and including the response header: what generation starts
    from. Every assistant turn closes with one learned `end` segment.
    """

    form: str
    name: str

    @abstractmethod
    def render(self, messages: Sequence[Message]) -> list[Segment]:
        """Raises DataProblem for an order of roles that the template cannot hold."""

    @abstractmethod
    def jinja(self) -> str:
        """The same template as Jinja source, for a tokenizer that other tools read.

        Equal to `render` as text, `end` being `eos_token`; a message's `context` key is read where given.
        """

    def end_texts(self) -> frozenset[str]:
        """What closes an assistant turn; "" is the tokenizer's EOS."""
        return frozenset({""})


def check_roles(messages: Sequence[Message], template: str) -> None:
    """At most one system message, first; then user and assistant in turn, user first. Raises DataProblem."""
    roles = [message.role for message in messages]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    expected = [("user", "assistant")[turn % 2] for turn in range(len(spoken))]
    if not spoken or spoken != expected:
        raise DataProblem("template-roles", template=template, roles=" → ".join(roles) or "–")


class Block(Frozen):
    """What stands before an answer; `{instruction}` and `{input}` are filled in `turn`."""

    header: str
    """Once, before the first turn."""
    turn: str
    """Before every answer."""


_FIELD = re.compile(r"(\{instruction\}|\{input\})")


class InstructionTemplate(Template):
    """An instruction, perhaps a context, a response header, the answer.

    A later turn repeats the instruction block straight after the end of the answer before it, without the
    header. A system message is a paragraph of its own before the header. A prompt is one segment, so that it
    has the ids of the whole text.
    """

    form: Literal["instruction"] = "instruction"
    without_context: Block
    with_context: Block
    """Used where a message's context is not empty."""
    before_answer: str = ""
    """Written and learned before an answer that does not begin with white space."""

    def render(self, messages: Sequence[Message]) -> list[Segment]:
        check_roles(messages, self.name)
        segments: list[Segment] = []
        unspoken = ""
        for index, message in enumerate(messages):
            if message.role == "system":
                unspoken = message.content + "\n\n"
            elif message.role == "user":
                first = all(earlier.role == "system" for earlier in messages[:index])
                segments.append(Segment(unspoken + self._asked(message, first), False))
                unspoken = ""
            else:
                segments += [Segment(self._answered(message.content), True), Segment("", True, "end")]
        return segments

    def _asked(self, message: Message, first: bool) -> str:
        block = self.with_context if message.context else self.without_context
        values = {"{instruction}": message.content, "{input}": message.context or ""}
        # Split, then filled: a "{input}" that a user wrote is never filled again.
        turn = "".join(values.get(part, part) for part in _FIELD.split(block.turn))
        return block.header + turn if first else turn

    def _answered(self, content: str) -> str:
        return self.before_answer + content if content[:1].strip() else content

    def jinja(self) -> str:
        context, bare = self._asked_in_jinja(self.with_context), self._asked_in_jinja(self.without_context)
        before = _quoted(self.before_answer)
        return (
            "{%- set offset = 1 if messages[0]['role'] == 'system' else 0 -%}"
            "{%- if offset -%}{{ messages[0]['content'] + '\\n\\n' }}{%- endif -%}"
            "{%- for message in messages -%}{%- if loop.index0 >= offset -%}"
            "{%- if message['role'] != ('user' if (loop.index0 - offset) % 2 == 0 else 'assistant') -%}"
            "{{ raise_exception('user and assistant must take turns, user first') }}{%- endif -%}"
            "{%- if message['role'] == 'user' -%}"
            f"{{%- if message.get('context') -%}}{context}{{%- else -%}}{bare}{{%- endif -%}}"
            "{%- else -%}"
            f"{{%- if message['content'][:1].strip() -%}}{before}{{%- endif -%}}"
            "{{ message['content'] }}{{ eos_token }}"
            "{%- endif -%}{%- endif -%}{%- endfor -%}"
        )

    @staticmethod
    def _asked_in_jinja(block: Block) -> str:
        header = f"{{%- if loop.index0 == offset -%}}{_quoted(block.header)}{{%- endif -%}}"
        parts = _FIELD.split(block.turn)
        return header + "".join(_FIELDS_IN_JINJA.get(part, _quoted(part)) for part in parts)


_FIELDS_IN_JINJA = {"{instruction}": "{{ message['content'] }}", "{input}": "{{ message['context'] }}"}


def _quoted(text: str) -> str:
    """Literal text as a Jinja expression: braces and line breaks in it mean nothing."""
    return f"{{{{ {json.dumps(text, ensure_ascii=False)} }}}}" if text else ""


class PlainTemplate(Template):
    """Bare text: the messages, one a line, everything learned, one `end`. For pretraining documents.

    Ending with `user` it is a prompt: nothing is learned and nothing closed. Any order of roles will do.
    """

    form: Literal["plain"] = "plain"

    def render(self, messages: Sequence[Message]) -> list[Segment]:
        if not messages:
            raise DataProblem("template-roles", template=self.name, roles="–")
        learn = messages[-1].role == "assistant"
        texts = [_with_context(message) for message in messages]
        segments = [Segment("\n" * (index > 0) + text, learn) for index, text in enumerate(texts)]
        return [*segments, Segment("", True, "end")] if learn else segments

    def jinja(self) -> str:
        return (
            "{%- for message in messages -%}"
            "{%- if not loop.first -%}{{ '\\n' }}{%- endif -%}{{ message['content'] }}"
            "{%- if message.get('context') -%}{{ '\\n' + message['context'] }}{%- endif -%}"
            "{%- if loop.last and message['role'] == 'assistant' -%}{{ eos_token }}{%- endif -%}"
            "{%- endfor -%}"
        )


def _with_context(message: Message) -> str:
    return f"{message.content}\n{message.context}" if message.context else message.content


def template_json(template: Template) -> str:
    """What `template.json` holds."""
    return template.model_dump_json(indent=2) + "\n"


def load_template(text: str) -> Template:
    """Read `template.json`. Raises DataProblem."""
    from dajeong.chat_templates import JinjaTemplate

    forms: dict[str, type[Template]] = {
        "instruction": InstructionTemplate,
        "plain": PlainTemplate,
        "jinja": JinjaTemplate,
    }
    try:
        form = json.loads(text)["form"]
        return forms[form].model_validate_json(text)
    except (ValueError, KeyError, TypeError, ValidationError) as problem:
        found = " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
        raise DataProblem("template-invalid", template="template.json", problem=found) from problem


def find_template(name: str) -> Template:
    """A built-in template by its name. Raises UsageProblem with the nearest name."""
    if name in TEMPLATES:
        return TEMPLATES[name]
    nearest = difflib.get_close_matches(name, TEMPLATES, n=1, cutoff=0.0)
    raise UsageProblem("template-unknown", name=name, nearest=nearest[0], known=", ".join(TEMPLATES))


def _built_in(name: str, text: InstructionText) -> InstructionTemplate:
    return InstructionTemplate(
        name=name,
        without_context=Block(header=text.header, turn=text.turn),
        with_context=Block(header=text.header_with_context, turn=text.turn_with_context),
        before_answer=text.before_answer,
    )


TEMPLATES: dict[str, Template] = {
    **{name: _built_in(name, text) for name, text in INSTRUCTION_TEXTS.items()},
    "plain": PlainTemplate(name="plain"),
}
