"""How likely a local model finds each of a few short answers to a question. Knows no scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from dajeong.judging.judgement import Judgement, weighed
from dajeong.judging.weights import Spelling, masses, weighted
from dajeong.models.continuations import TOKENS, Asked, log_likelihoods
from dajeong.models.load import ChatModel, load_chat
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import prompt_ids
from dajeong.records import Message

WRITTEN = ("{}", " {}")
"""How an answer may be written: right behind the prompt, or behind a blank."""


class Closed(NamedTuple):
    """A question with a few short answers."""

    messages: Sequence[Message]
    answers: Mapping[str, int]
    """What may be written → its score."""


class LocalReader:
    """A local chat model that is not asked to write, but how likely it would write each answer."""

    def __init__(
        self,
        reference: str | ChatModel,
        runtime: RuntimeSettings | None = None,
        min_valid_mass: float = 0.0,
        tokens: int = TOKENS,
    ) -> None:
        self._chat = load_chat(reference, runtime=runtime) if isinstance(reference, str) else reference
        self.name = f"judge:{self._chat.name}"
        self._min_valid_mass, self._tokens = min_valid_mass, tokens
        self._longest = int(getattr(self._chat.model.config, "max_position_embeddings", 0) or 1 << 30)

    def read(self, asked: Sequence[Closed]) -> Iterator[Judgement]:
        """Each question's judgement; all of them are read together."""
        read = [(self.context(each), self.spellings(each.answers)) for each in asked]
        wanted = [
            Asked(context, spelling.ids)
            for context, some in read
            for spelling in some
            if self._fits(context, some)
        ]
        logprobs = iter(log_likelihoods(self._chat.model, self._chat.role, wanted, self._tokens))
        for context, some in read:
            if self._fits(context, some):
                yield self._judgement(some, list(islice(logprobs, len(some))))
            else:
                yield Judgement(None, f"too-long: {len(context)} tokens, the judge reads {self._longest}")

    def context(self, asked: Closed) -> list[int]:
        return prompt_ids(asked.messages, self._chat.template, self._chat.tokenizer)

    def spellings(self, answers: Mapping[str, int]) -> list[Spelling]:
        """Every spelling of every answer, equal token sequences once."""
        found: dict[tuple[int, ...], Spelling] = {}
        for answer, score in answers.items():
            for written in WRITTEN:
                ids = tuple(self._chat.tokenizer.encode(written.format(answer)))
                found.setdefault(ids, Spelling(score, ids))
        return list(found.values())

    def _fits(self, context: Sequence[int], some: Sequence[Spelling]) -> bool:
        """Nothing may be cut from a question: what would go first is the instructions."""
        return len(context) + max(len(spelling.ids) for spelling in some) - 1 <= self._longest

    def _judgement(self, some: Sequence[Spelling], logprobs: Sequence[float]) -> Judgement:
        scores = (spelling.score for spelling in some)
        found = weighted(zip(scores, masses(some, logprobs), strict=True))
        return weighed(found, self._min_valid_mass)
