"""Answers packed into one forward under policy and reference, and their log-probabilities read back.

The policy's answers come first, the reference's behind them in the same order, so that equal roles read them
to the same bits. Knows no loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dajeong.models.layout import Role, Sequence_, TokenBatch, pack
from dajeong.models.tokenize import Tokens
from dajeong.training.preference_examples import Choice
from dajeong.training.preference_losses import by_answer


class Roles(NamedTuple):
    """Who reads the answers; None is the base itself."""

    policy: Role
    reference: Role = None
    together: bool = True
    """Whether the reference reads in the policy's forward; else it has read before, or there is none."""

    @property
    def num_readers(self) -> int:
        return 2 if self.together else 1


class Read(NamedTuple):
    """What a forward says of its S answers."""

    policy: Tensor
    """(S,) log π"""
    reference: Tensor
    """(S,) log π_ref, without gradient; 0 where there is no reference."""
    sizes: Tensor
    """(S,) scored tokens"""

    @property
    def ratios(self) -> Tensor:
        return self.policy - self.reference

    @property
    def per_token(self) -> Tensor:
        """The ratios as means over an answer's tokens; 0 for an answer without any."""
        return self.ratios / self.sizes.clamp(min=1)


IDLE = 2
"""Tokens that a process reads while it has nothing to learn."""


def idle_answer(other: Tokens) -> Tokens:
    """The beginning of another's answer, unlearned: the collective backward needs every process."""
    return Tokens(other.ids[:IDLE], [False] * IDLE)


def packed(answers: Sequence[Tokens], roles: Roles, device: torch.device) -> TokenBatch:
    """One forward over `answers`, under both roles where they read together."""
    readers = [roles.policy, roles.reference] if roles.together else [roles.policy]
    return pack([Sequence_(each.ids, role, each.learn) for role in readers for each in answers], device)


def reading_columns(answers: Sequence[Tokens], reference: Sequence[float]) -> dict[str, Tensor]:
    """What `read` needs beside the forward. `reference`: log π_ref of every answer, or nothing."""
    known = list(reference) or [0.0] * len(answers)
    return {"sizes": torch.tensor(sizes_of(answers)), "reference": torch.tensor(known, dtype=torch.float64)}


def sizes_of(answers: Sequence[Tokens]) -> list[int]:
    """Scored tokens of each: the first of a sequence has nothing before it."""
    return [sum(answer.learn[1:]) for answer in answers]


def read(logprobs: Tensor, columns: Mapping[str, Tensor], together: bool) -> Read:
    """logprobs (N,) of a forward by `packed` → log-probabilities of its answers."""
    sizes = columns["sizes"]
    if together:
        policy, reference = by_answer(logprobs, sizes.tolist() * 2).chunk(2)
    else:
        policy = by_answer(logprobs, sizes.tolist())
        reference = columns["reference"].to(policy)
    return Read(policy, reference.detach(), sizes.to(policy))


def pair_columns(part: Sequence[Choice], device: torch.device) -> dict[str, Tensor]:
    """The ordered pairs of whole prompts, each weighing w / C; and the prompts' best answers."""
    better, worse, best = list[int](), list[int](), list[int]()
    weight, best_weight = list[float](), list[float]()
    first = 0
    for choice in part:
        for plus, minus in choice.pairs:
            better.append(first + plus)
            worse.append(first + minus)
            weight.append(choice.weight / len(choice.pairs))
        best += [first + index for index in choice.best]
        best_weight += [choice.weight] * len(choice.best)
        first += len(choice.answers)
    places = {"better": better, "worse": worse, "best": best}
    shares = {"weight": weight, "best_weight": best_weight}
    return {
        **{name: torch.tensor(column, dtype=torch.long, device=device) for name, column in places.items()},
        **{name: torch.tensor(column, dtype=torch.float32, device=device) for name, column in shares.items()},
    }


def answers_of(part: Sequence[Choice], other: Choice) -> tuple[list[Tokens], list[float]]:
    """(answers, their references where they have read before) of whole prompts, end to end."""
    if not part:
        return [idle_answer(other.answers[0])], []
    return (
        [answer for choice in part for answer in choice.answers],
        [value for choice in part for value in choice.reference],
    )


def best_tokens(part: Sequence[Choice]) -> float:
    """Weighted number of scored tokens of the best answers: what their −log p is divided by."""
    return sum(c.weight * sum(sizes_of([c.answers[index] for index in c.best])) for c in part)
