"""LoRA for many roles over one frozen base (Hu et al. 2021, eq. 3). Knows layers, not models or files.

A role is a span over tokens: one forward serves the policy, its reference, the reward and the value model.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear
from transformers.pytorch_utils import Conv1D

from dajeong.errors import UsageProblem
from dajeong.models.layout import Layout, Packing
from dajeong.models.low_rank import Span, add_adapters


@dataclass
class ForwardState:
    """What the layers must know about the forward they are in; one object shared by all layers of a base."""

    layout: Layout
    packing: Packing | None = None


class RoleLinear(nn.Module):
    """A linear layer with one adapter per role. `base` is a black box: Linear, Conv1D, 4-bit or 8-bit."""

    def __init__(self, base: nn.Module, state: ForwardState) -> None:
        super().__init__()
        self.base = base
        self.forward_state = state
        self.in_features, self.out_features = sizes(base)
        self.A = nn.ParameterDict()
        self.B = nn.ParameterDict()
        self.scale: dict[str, float] = {}
        self.dropout: dict[str, float] = {}

    def add_role(self, role: str, rank: int, scale: float, drop: float, generator: torch.Generator) -> None:
        """A is drawn as PEFT draws it (Kaiming uniform, a = √5), B is 0: the new role equals the base."""
        bound = math.sqrt(6 / ((1 + 5) * self.in_features))
        device = next(self.base.parameters()).device
        drawn = torch.empty(rank, self.in_features).uniform_(-bound, bound, generator=generator)
        self.A[role] = nn.Parameter(drawn.to(device))
        self.B[role] = nn.Parameter(torch.zeros(self.out_features, rank, device=device))
        self.scale[role] = scale
        self.dropout[role] = drop

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.base(x)
        layout = self.forward_state.layout
        if layout.onehot is not None:
            return self._any_order(x, y, layout)
        if self.training and any(self.dropout.values()):
            return self._dropping(x, y, layout)
        spans = [
            Span(start, end, self.scale[role], self.A[role], self.B[role])
            for role, start, end in layout.spans or ((layout.everywhere, 0, x.shape[0] * x.shape[1]),)
            if role in self.scale
        ]
        return add_adapters(y, x, spans) if spans else y

    def _dropping(self, x: Tensor, y: Tensor, layout: Layout) -> Tensor:
        if not layout.spans:
            return (
                y if layout.everywhere not in self.scale else self._add(y, self._delta(x, layout.everywhere))
            )
        return self._add(y, torch.cat([self._span(x, y, *span) for span in layout.spans], dim=1))

    def _span(self, x: Tensor, y: Tensor, role: str | None, start: int, end: int) -> Tensor:
        if role is None or role not in self.scale:
            return y.new_zeros(x.shape[0], end - start, self.out_features)
        return self._delta(x[:, start:end], role)

    def _any_order(self, x: Tensor, y: Tensor, layout: Layout) -> Tensor:
        for role, mask in (layout.onehot or {}).items():
            if role in self.scale:
                y = torch.where(mask, self._add(y, self._delta(x, role)), y)
        return y

    def _delta(self, x: Tensor, role: str) -> Tensor:
        a, b = self.A[role], self.B[role]
        inner = x.to(a.dtype)
        if self.training and self.dropout[role]:
            inner = dropout(inner, self.dropout[role])
        return linear(linear(inner, a), b).mul_(self.scale[role])

    @staticmethod
    def _add(y: Tensor, delta: Tensor) -> Tensor:
        return (y + delta).to(y.dtype)  # the sum in float32, then one rounding: PEFT's order, bit for bit


def sizes(layer: nn.Module) -> tuple[int, int]:
    """(in, out) features of any linear layer."""
    if isinstance(layer, Conv1D):
        return layer.nx, layer.nf
    return int(layer.in_features), int(layer.out_features)  # type: ignore[arg-type]


def linear_layers(trunk: nn.Module, prefix: str) -> dict[str, nn.Module]:
    """Path from `prefix` on → every linear layer; what lies inside an adapter layer is its own business."""
    found: dict[str, nn.Module] = {}
    for name, module in trunk.named_modules(prefix=prefix):
        inside = any(name.startswith(f"{other}.") for other in found)
        if not inside and (isinstance(module, RoleLinear) or is_linear(module)):
            found[name] = module
    return found


def chosen_layers(candidates: Iterable[str], targets: Sequence[str]) -> list[str]:
    """Paths of the layers that `targets` means. Raises UsageProblem with the nearest name for one that is not
    there.
    """
    paths = list(candidates)
    leaves = sorted({path.rpartition(".")[2] for path in paths})
    if targets == "all-linear":
        return paths
    for unknown in sorted(set(targets) - set(leaves)):
        nearest = difflib.get_close_matches(unknown, leaves, n=1, cutoff=0.0)
        raise UsageProblem("lora-target", target=unknown, nearest=nearest[0], known=", ".join(leaves))
    return [path for path in paths if path.rpartition(".")[2] in targets]


def is_linear(layer: nn.Module) -> bool:
    """Linear layers of torch and bitsandbytes (which derive from it), and GPT-2's Conv1D."""
    return isinstance(layer, nn.Linear | Conv1D)
