"""Corpora of conversations: messages, ShareGPT. Reads no file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from dajeong.data.markup import has_markup, markdown_of
from dajeong.data.readers.fields import RawRow, as_messages, identity, messages_of, present
from dajeong.data.rows import Left
from dajeong.records import Dialogue, Frozen, Message, Record


def conversation(name: str, row: RawRow) -> list[Record]:
    """`{messages: [{role, content}]}`, or ShareGPT's `{conversations: [{from, value}]}`."""
    messages = messages_of(present(row, "messages", "conversations", "conversation")[1])
    return [_dialogue(name, row, messages)]


def _dialogue(name: str, row: RawRow, messages: Sequence[Message]) -> Dialogue:
    texts = [f"{message.role}\x1e{message.content}" for message in messages]
    return Dialogue(id=identity(name, row, *texts), source=name, messages=tuple(messages))


class ShareGpt(Frozen):
    """Conversations as a browser extension saved them; the rules are those of FastChat, for Vicuna's data."""

    blocked: tuple[str, ...] = ("openai", "chatgpt")
    """A conversation in which the assistant says one of these, in any case, is left out."""

    def __call__(self, name: str, row: RawRow) -> list[Record | Left]:
        """Cut to whole exchanges, HTML to Markdown; what does not alternate is left out."""
        raw = as_messages(present(row, "conversations", "messages", "items")[1])
        messages = _whole_exchanges(raw)
        rule = self._why_not(messages)
        if rule:
            return [Left(rule, raw[0].content)]
        cut = len(raw) - len(messages)
        dialogue = _dialogue(name, row, [_cleaned(message) for message in messages])
        return [dialogue.model_copy(update={"meta": {"turns_cut": cut}}) if cut else dialogue]

    def _why_not(self, messages: Sequence[Message]) -> str | None:
        said = [message.content for message in messages if message.role == "assistant"]
        if not said:
            return "no-exchange"
        talk = [message.role for message in messages if message.role != "system"]
        if any(before == after for before, after in pairwise(talk)):
            return "not-alternating"
        if any(_is_failure(text) for text in said):
            return "service-failure"
        words = "|".join(map(re.escape, self.blocked))
        return "blocked-word" if words and re.search(words, " ".join(said), re.IGNORECASE) else None


def _whole_exchanges(messages: Sequence[Message]) -> list[Message]:
    """Without what comes before the first question (a system message aside) and behind the last answer."""
    system = [message for message in messages[:1] if message.role == "system"]
    roles = [message.role for message in messages]
    if "user" not in roles or "assistant" not in roles:
        return []
    last = len(roles) - 1 - roles[::-1].index("assistant")
    return [*system, *messages[roles.index("user") : last + 1]]


_FAILURES = re.compile(
    r"\s*(?:too many requests|network error|request timed out|an error occurred|error generating a response"
    r"|something went wrong|hmm\.\.\.something seems to have gone wrong)",
    re.IGNORECASE,
)


def _is_failure(text: str) -> bool:
    """Whether the service speaks and not the model."""
    return bool(_FAILURES.match(re.sub(r"<[^>]*>", "", text[:2000])))


_COUNTER = re.compile(r"\A\s*\d+\s*/\s*\d+\s*(?=\n|<|\Z)")
_COPY_LINE = re.compile(r"^(```)?([\w+#-]{0,20})[^\S\n]?Copy code`?[^\S\n]*\n?", re.MULTILINE)


def _cleaned(message: Message) -> Message:
    """Without the counter "1 / 2" of an edited answer; markup of the page turned to Markdown."""
    text = _COUNTER.sub("", message.content) if message.role == "assistant" else message.content
    text = markdown_of(text) if has_markup(text) else text
    text = re.sub(r"\A\s*\d+ / \d+\s*\n", "", text) if message.role == "assistant" else text
    return message.model_copy(update={"content": _COPY_LINE.sub(_fence, text)})


def _fence(found: re.Match[str]) -> str:
    return f"```{found[2]}\n" if found[1] else ""
