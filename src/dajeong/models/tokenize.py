"""Text becomes tokens here and nowhere else. Segments are tokenised one by one and their ids joined.

Special tokens spelled out in data stay plain text; the end of a turn is one id, added by name, never by
spelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dajeong.errors import DataProblem, EnvironmentProblem
from dajeong.records import Message
from dajeong.templates import Segment, Template


class Tokens(NamedTuple):
    ids: list[int]
    learn: list[bool]
    truncated: bool = False


class TextTokenizer:
    """A Hugging Face fast tokenizer behind the four questions we ask of it."""

    def __init__(self, tokenizer: Any, source: str = "") -> None:
        if tokenizer.eos_token_id is None:
            raise EnvironmentProblem("tokenizer-no-eos", model=source)
        self.huggingface = tokenizer
        self.eos_id: int = tokenizer.eos_token_id
        self.pad_id: int = self.eos_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self.bos_id: int | None = tokenizer.bos_token_id if _adds_bos(tokenizer) else None
        self.vocab_size: int = len(tokenizer)
        self._backend = tokenizer.backend_tokenizer

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        """Ids of `text`; its special tokens count as such only where `control` says so."""
        self._backend.encode_special_tokens = not control
        return list(self._backend.encode(text, add_special_tokens=False).ids) if text else []

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """As `encode`, many plain texts at once."""
        self._backend.encode_special_tokens = True
        return [
            list(found.ids) for found in self._backend.encode_batch(list(texts), add_special_tokens=False)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids`, control tokens left out."""
        return str(self._backend.decode(list(ids), skip_special_tokens=True))

    def id_of(self, token: str) -> int:
        """The id of a named token. Raises EnvironmentProblem if the vocabulary lacks it."""
        found = self._backend.token_to_id(token)
        if found is None:
            raise EnvironmentProblem("tokenizer-lacks-token", token=token)
        return int(found)

    def save(self, folder: Path) -> None:
        self.huggingface.save_pretrained(folder)


def _adds_bos(tokenizer: Any) -> bool:
    return tokenizer.bos_token_id is not None and tokenizer("가").input_ids[:1] == [tokenizer.bos_token_id]


def tokens_of(
    messages: Sequence[Message], template: Template, tokenizer: TextTokenizer, max_tokens: int | None = None
) -> Tokens:
    """Ids and learn mask of a dialogue. One that is too long is cut at its end and says so: no faked EOS."""
    ids: list[int] = []
    learn: list[bool] = []
    for segment in template.render(messages):
        piece = _ids_of(segment, tokenizer)
        ids.extend(piece)
        learn.extend([segment.learn] * len(piece))
    if tokenizer.bos_id is not None and ids[:1] != [
        tokenizer.bos_id
    ]:  # chat templates may write it themselves
        ids, learn = [tokenizer.bos_id, *ids], [False, *learn]
    if max_tokens is not None and len(ids) > max_tokens:
        return Tokens(ids[:max_tokens], learn[:max_tokens], True)
    return Tokens(ids, learn)


def _ids_of(segment: Segment, tokenizer: TextTokenizer) -> list[int]:
    if segment.kind == "end":
        return [tokenizer.id_of(segment.text) if segment.text else tokenizer.eos_id]
    return tokenizer.encode(segment.text, control=segment.kind == "control")


def prompt_ids(messages: Sequence[Message], template: Template, tokenizer: TextTokenizer) -> list[int]:
    """What a reply to `messages` starts from. Raises DataProblem if they already end with an answer."""
    if messages[-1].role == "assistant":
        raise DataProblem("not-a-prompt", text=messages[-1].content[:40])
    return tokens_of(messages, template, tokenizer).ids


def end_id(template: Template, tokenizer: TextTokenizer) -> int:
    """The id that closes an assistant turn under `template`."""
    turn = (Message(role="user", content="가"), Message(role="assistant", content="나"))
    ends = [segment for segment in template.render(turn) if segment.kind == "end"]
    return _ids_of(ends[-1], tokenizer)[0]


def stop_ids(template: Template, tokenizer: TextTokenizer) -> frozenset[int]:
    """Where generation stops: the end of the turn, and the tokenizer's own EOS."""
    return frozenset({end_id(template, tokenizer), tokenizer.eos_id})
