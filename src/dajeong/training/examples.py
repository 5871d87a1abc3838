"""Records become token examples: rendered, cut, counted, refused where nothing would be learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dajeong.errors import DataProblem
from dajeong.models.scoring import scored_ids
from dajeong.models.tokenize import TextTokenizer, Tokens, tokens_of
from dajeong.records import Dialogue, Preference
from dajeong.templates import Template


class Examples(NamedTuple):
    tokens: list[Tokens]
    num_truncated: int
    num_without_answer: int
    """Rows left out because no learned token remained."""

    def summary(self) -> dict[str, float]:
        """Counts and the share of learned tokens, for the journal."""
        total = sum(len(example.ids) for example in self.tokens)
        learned = sum(sum(example.learn) for example in self.tokens)
        return {
            "examples": len(self.tokens),
            "truncated": self.num_truncated,
            "without_answer": self.num_without_answer,
            "tokens": total,
            "learned_share": learned / max(1, total),
        }


def examples_of(
    dialogues: Sequence[Dialogue],
    template: Template,
    tokenizer: TextTokenizer,
    max_tokens: int,
    learn_prompts: bool = False,
) -> Examples:
    """Raises DataProblem if no row has anything to learn."""
    tokens, truncated, empty = [], 0, 0
    for dialogue in dialogues:
        example = tokens_of(dialogue.messages, template, tokenizer, max_tokens)
        if learn_prompts:
            example = example._replace(learn=[True] * len(example.ids))
        truncated += example.truncated
        if any(example.learn[1:]):
            tokens.append(example)
        else:
            empty += 1
    if not tokens:
        raise DataProblem("nothing-to-learn", rows=len(dialogues), max_tokens=max_tokens)
    return Examples(tokens, truncated, empty)


class Ranked(NamedTuple):
    """One preference as the reward model sees it: K token sequences and its better–worse pairs."""

    sequences: list[list[int]]
    pairs: list[tuple[int, int]]
    weight: float


def ranked_of(
    preferences: Sequence[Preference], template: Template, tokenizer: TextTokenizer, max_tokens: int
) -> list[Ranked]:
    """Preferences that order at least one pair. Raises DataProblem if none does."""
    found = [
        Ranked(
            [scored_ids(p.prompt, r.content, template, tokenizer, max_tokens) for r in p.responses],
            p.pairs(),
            p.weight,
        )
        for p in preferences
        if p.pairs()
    ]
    if not found:
        raise DataProblem("nothing-to-learn", rows=len(preferences), max_tokens=max_tokens)
    return found
