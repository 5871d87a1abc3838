"""y + scale · (x Aᵀ) Bᵀ over spans of tokens, as one node of the autograd graph.

Forward in PEFT's order, bit for bit; backward with the scale applied where matrices are narrow, and with no
passes over memory that a product could do. Knows tensors, neither layers nor roles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Place = tuple[int, int, float]


class Span(NamedTuple):
    """Tokens start … end − 1 and the adapter that is added there."""

    start: int
    end: int
    scale: float
    A: Tensor
    """(rank, in)"""
    B: Tensor
    """(out, rank)"""


def add_adapters(y: Tensor, x: Tensor, spans: Sequence[Span]) -> Tensor:
    """y (…, out) with every span's adapter added, x (…, in); spans count tokens over all leading axes."""
    places = [(span.start, span.end, span.scale) for span in spans]
    matrices = [matrix for span in spans for matrix in (span.A, span.B)]
    added: Tensor = _AddAdapters.apply(
        y.reshape(-1, y.shape[-1]), x.reshape(-1, x.shape[-1]), places, *matrices
    )  # type: ignore[no-untyped-call]
    return added.view(y.shape)


class _AddAdapters(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, x: Tensor, places: Sequence[Place], *matrices: Tensor) -> Tensor:
        total = torch.empty(y.shape, dtype=matrices[1].dtype, device=y.device)
        inner, reached = [], 0
        for (start, end, scale), a, b in _each(places, matrices):
            if start > reached:
                total[reached:start] = y[reached:start]
            inner.append(torch.mm(x[start:end].to(a.dtype), a.T))
            # into fresh memory: a product's last bit may hang on where its result lies
            delta = torch.mm(inner[-1], b.T).mul_(scale)
            torch.add(delta, y[start:end], out=total[start:end])  # in float32, then one rounding
            reached = max(reached, end)
        if reached < len(y):
            total[reached:] = y[reached:]
        ctx.save_for_backward(x, *matrices, *inner)
        ctx.places = places
        return total.to(y.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        places: Sequence[Place] = ctx.places
        x, *rest = ctx.saved_tensors
        matrices, inner = rest[: 2 * len(places)], rest[2 * len(places) :]
        wanted = ctx.needs_input_grad
        grad_x = _room(x, places) if wanted[1] else None
        found: list[Tensor | None] = []
        for number, ((start, end, scale), a, b) in enumerate(_each(places, matrices)):
            here = grad[start:end].to(b.dtype)
            narrow = torch.mm(here, b).mul_(scale)
            found.append(torch.mm(narrow.T, x[start:end].to(a.dtype)) if wanted[3 + 2 * number] else None)
            found.append(torch.mm(here.T, inner[number]).mul_(scale) if wanted[4 + 2 * number] else None)
            if grad_x is not None and grad_x.dtype == a.dtype:
                torch.mm(narrow, a, out=grad_x[start:end])
            elif grad_x is not None:
                grad_x[start:end] = torch.mm(narrow, a)
        return grad, grad_x, None, *found


def _each(places: Sequence[Place], matrices: Sequence[Tensor]) -> Iterator[tuple[Place, Tensor, Tensor]]:
    return zip(places, matrices[0::2], matrices[1::2], strict=True)


def _room(x: Tensor, places: Sequence[Place]) -> Tensor:
    """For gradients; zero only where tokens lie outside the spans."""
    whole = sum(end - start for start, end, _ in places) == len(x)
    return torch.empty_like(x) if whole else torch.zeros_like(x)
