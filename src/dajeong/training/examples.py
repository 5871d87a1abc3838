"""Records become token examples: rendered, cut, counted, refused where nothing would be learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dajeong.errors import DataProblem
from dajeong.models.scoring import scored_ids
from dajeong.models.tokenize import TextTokenizer, Tokens, tokens_of
from dajeong.records import Dialogue, Preference
from dajeong.templates import Template
from dajeong.training.reward_labels import Pair, pairs_of, weight_of
from dajeong.training.reward_settings import LabelSettings


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
    labels: Sequence[float] = ()
    """Per pair, the probability that its first is better; none: certain, every one."""
    margins: Sequence[float] = ()
    """Per pair, how far apart the rewards should be; none: 0, every one."""


def ranked_of(
    preferences: Sequence[Preference],
    template: Template,
    tokenizer: TextTokenizer,
    max_tokens: int,
    settings: LabelSettings | None = None,
) -> list[Ranked]:
    """Preferences that say something of at least one pair. Raises DataProblem if none does."""
    settings = settings or LabelSettings()
    found = []
    for preference in preferences:
        pairs = pairs_of(preference, settings)
        weight = weight_of(preference, settings.annotators)
        if pairs and weight:
            found.append(_ranked(preference, pairs, weight, template, tokenizer, max_tokens))
    if not found:
        raise DataProblem("nothing-to-learn", rows=len(preferences), max_tokens=max_tokens)
    return found


def _ranked(
    preference: Preference,
    pairs: Sequence[Pair],
    weight: float,
    template: Template,
    tokenizer: TextTokenizer,
    max_tokens: int,
) -> Ranked:
    return Ranked(
        [
            scored_ids(preference.prompt, response.content, template, tokenizer, max_tokens)
            for response in preference.responses
        ],
        [(pair.better, pair.worse) for pair in pairs],
        weight,
        [pair.label for pair in pairs],
        [pair.margin for pair in pairs],
    )
