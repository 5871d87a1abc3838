"""What is remembered of one rollout: every reply with what the roles said of it. Goes to disk as tensors.

Knows no model and no algorithm: which columns there are is theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class Experience:
    """One reply. Every tensor is (T,) over its tokens, the EOS included where it came."""

    prompt: list[int]
    reply: list[int]
    ended: bool
    rewards: dict[str, float] = field(default_factory=dict)
    """Source of a reward → raw reward."""
    score: float = 0.0
    """Weighted, normalised, clipped, penalised: what the last token earns."""
    columns: dict[str, Tensor] = field(default_factory=dict)

    @property
    def ids(self) -> list[int]:
        return [*self.prompt, *self.reply]

    @property
    def learn(self) -> list[bool]:
        """The reply's tokens: up to and including the EOS, nothing after it."""
        return [False] * len(self.prompt) + [True] * len(self.reply)

    @property
    def value_at(self) -> range:
        """States before each reply token."""
        return range(len(self.prompt) - 1, len(self.prompt) + len(self.reply) - 1)


def joined(buffer: Sequence[Experience], name: str) -> Tensor:
    """One column of the whole buffer, (Σ T,)."""
    return torch.cat([experience.columns[name] for experience in buffer])


def to_state(buffer: Sequence[Experience]) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """(tensors, JSON values) from which `from_state` makes the same buffer."""
    tensors = {name: joined(buffer, name) for name in buffer[0].columns} if buffer else {}
    values = [
        {"prompt": e.prompt, "reply": e.reply, "ended": e.ended, "rewards": e.rewards, "score": e.score}
        for e in buffer
    ]
    return tensors, values


def from_state(tensors: Mapping[str, Tensor], values: Sequence[Mapping[str, Any]]) -> list[Experience]:
    """`tensors`: the columns of `to_state` and no others."""
    buffer = [Experience(**value) for value in values]
    start = 0
    for experience in buffer:
        end = start + len(experience.reply)
        experience.columns = {name: column[start:end].clone() for name, column in tensors.items()}
        start = end
    return buffer
