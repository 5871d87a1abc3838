"""G-Eval by a model of one's own: the probability of every score is read, none is drawn (`exact`).

One forward per criterion where scores are single tokens. Knows no service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from dajeong.judging import form
from dajeong.judging.judgement import Judge, Judgement, Question, questions, score_of, weighed
from dajeong.judging.rubric import Criterion, Rubric
from dajeong.judging.rubrics import RUBRICS
from dajeong.judging.weights import Spelling, masses, weighted
from dajeong.models.continuations import TOKENS, Asked, log_likelihoods
from dajeong.models.load import ChatModel, load_chat
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import TextTokenizer, prompt_ids
from dajeong.records import Reply, Score
from dajeong.storage import digest_json

METHOD = "exact"
WRITTEN = ("{}", " {}")
"""How a score may be written: right behind the prompt, or behind a blank."""


class LocalJudge:
    """A local chat model that judges by a rubric."""

    def __init__(
        self,
        reference: str | ChatModel,
        rubric: Rubric | None = None,
        runtime: RuntimeSettings | None = None,
        min_valid_mass: float = 0.0,
        tokens: int = TOKENS,
    ) -> None:
        """`rubric`: None takes KULLM3's five criteria, which fit any kind of prompt."""
        self._chat = load_chat(reference, runtime=runtime) if isinstance(reference, str) else reference
        self._rubric = rubric or RUBRICS["kullm3", "en"]
        self._min_valid_mass, self._tokens = min_valid_mass, tokens
        self.name = f"judge:{self._chat.name}"
        settings_hash = digest_json([form.VERSION, self._rubric.digest, METHOD, WRITTEN, self.name])[:16]
        self.judge = Judge(self.name, METHOD, f"{self._rubric.name}-{self._rubric.version}", settings_hash)
        self._longest = int(getattr(self._chat.model.config, "max_position_embeddings", 0) or 1 << 30)

    def score(self, replies: Sequence[Reply]) -> list[Score]:
        asked = list(questions(replies, self._rubric))
        found = self.judged(asked)
        return [
            score_of(each.reply, each.criterion, judgement, self.judge)
            for each, judgement in zip(asked, found, strict=True)
        ]

    def judged(self, asked: Sequence[Question]) -> Iterator[Judgement]:
        """Each question's judgement; all of them are read together."""
        contexts = [self._context(question) for question in asked]
        spelt = [spellings(question.criterion, self._chat.tokenizer) for question in asked]
        wanted = [
            Asked(context, spelling.ids)
            for context, some in zip(contexts, spelt, strict=True)
            for spelling in some
            if self._fits(context, some)
        ]
        logprobs = iter(log_likelihoods(self._chat.model, self._chat.role, wanted, self._tokens))
        for context, some in zip(contexts, spelt, strict=True):
            if self._fits(context, some):
                yield self._judgement(some, list(islice(logprobs, len(some))))
            else:
                yield Judgement(None, f"too-long: {len(context)} tokens, the judge reads {self._longest}")

    def _context(self, question: Question) -> list[int]:
        messages = form.form(question.sheet, question.criterion, question.reply, self._rubric.language)
        return prompt_ids(form.as_one(messages), self._chat.template, self._chat.tokenizer)

    def _fits(self, context: Sequence[int], some: Sequence[Spelling]) -> bool:
        """Nothing may be cut from a question: what would go first is the instructions."""
        return len(context) + max(len(spelling.ids) for spelling in some) - 1 <= self._longest

    def _judgement(self, some: Sequence[Spelling], logprobs: Sequence[float]) -> Judgement:
        scores = (spelling.score for spelling in some)
        found = weighted(zip(scores, masses(some, logprobs), strict=True))
        return weighed(found, self._min_valid_mass)


def spellings(criterion: Criterion, tokenizer: TextTokenizer) -> list[Spelling]:
    """Every spelling of every score, equal token sequences once."""
    found: dict[tuple[int, ...], Spelling] = {}
    for score in criterion.scale:
        for written in WRITTEN:
            ids = tuple(tokenizer.encode(written.format(score)))
            found.setdefault(ids, Spelling(score, ids))
    return list(found.values())
