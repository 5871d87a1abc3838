"""Log-probabilities of given tokens, and the entropy there: logits exist only where they are asked for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

MAX_LOGITS = 1 << 26
"""Logits alive at once (256 MiB in float32); longer batches are scored in recomputed chunks."""


def token_logprobs(
    hidden: Tensor, head: nn.Module, targets: Tensor, temperature: float | Tensor, entropy: bool
) -> tuple[Tensor, Tensor | None]:
    """hidden (N, H), targets (N,) → log p(target) (N,) and entropy (N,) or None, in float32, under
    softmax(logits / temperature); the temperature is one for all, or (N,).
    """
    if not len(targets):
        empty = head(hidden).sum(dim=-1).float()  # keeps the graph, so that gradients exist and are 0
        return empty, (empty if entropy else None)
    vocabulary = head.get_parameter("weight").shape[0]
    size = max(1, MAX_LOGITS // vocabulary)
    if len(targets) <= size:
        return _chunk(hidden, head, targets, temperature, entropy)
    chunks = [
        checkpoint(
            _chunk,
            hidden[at : at + size],
            head,
            targets[at : at + size],
            temperature[at : at + size] if isinstance(temperature, Tensor) else temperature,
            entropy,
            use_reentrant=False,
        )
        for at in range(0, len(targets), size)
    ]
    logprobs = torch.cat([chunk[0] for chunk in chunks])
    return logprobs, (torch.cat([chunk[1] for chunk in chunks]) if entropy else None)


def _chunk(
    hidden: Tensor, head: nn.Module, targets: Tensor, temperature: float | Tensor, entropy: bool
) -> tuple[Tensor, Tensor | None]:
    logits = head(hidden).float()
    if isinstance(temperature, Tensor):
        logits = logits / temperature.to(logits.dtype)[:, None]
    elif temperature != 1.0:
        logits = logits / temperature
    logprobs = -cross_entropy(logits, targets, reduction="none")
    return logprobs, (_entropy(logits) if entropy else None)


def _entropy(logits: Tensor) -> Tensor:
    logs = logits.log_softmax(dim=-1)
    return -(logs.exp() * logs).sum(dim=-1)
