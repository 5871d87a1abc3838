"""Examples learned beside a reward, so that what was learned before is not lost (Ouyang et al. 2022, eq. 2).

Knows their tokens and their order; the forward is PPO's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dajeong.models.layout import Sequence_
from dajeong.models.tokenize import Tokens
from dajeong.training.batches import Cursor


class Ptx:
    """An endless stream of examples, some for each optimizer step."""

    def __init__(self, examples: Sequence[Tokens], tokens_per_update: int, seed: int) -> None:
        self.examples = examples
        lengths = [len(example.ids) for example in examples]
        self._cursor = Cursor(lengths, tokens_per_update, seed, "ptx")

    def now(self) -> list[Tokens]:
        """The examples of the present optimizer step."""
        return [self.examples[index] for index in self._cursor.group()]

    def advance(self) -> None:
        self._cursor.advance()

    def state(self) -> dict[str, Any]:
        return {"epoch": self._cursor.epoch, "place": self._cursor.place}

    def restore(self, state: dict[str, Any]) -> None:
        self._cursor.move(state["epoch"], state["place"])


def sequences(examples: Sequence[Tokens], role: str) -> list[Sequence_]:
    """As the role reads them; only what the example marks is learned."""
    return [Sequence_(example.ids, role, example.learn) for example in examples]


def num_learned(examples: Sequence[Tokens]) -> int:
    """Tokens that have a log-probability: the first of a sequence has none."""
    return sum(sum(example.learn[1:]) for example in examples)
