"""One frozen base, its roles and their scalar heads: the thing that trains, scores and decodes.

Knows tensors and adapters; text, files and algorithms are elsewhere. Never merges: the reference of PPO is
the frozen SFT role of the same forward.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dajeong.models import attention
from dajeong.models.checkpointing import checkpoint_layers
from dajeong.models.last_layer import narrow_last_layer
from dajeong.models.layout import Layout, Packing, TokenBatch, TokenOutputs
from dajeong.models.logprobs import token_logprobs
from dajeong.models.lora import ForwardState, RoleLinear, chosen_layers, linear_layers
from dajeong.models.neox_attention import turn_in_one_step
from dajeong.models.offload import stream
from dajeong.models.settings import LoraSettings
from dajeong.models.thrift import thrifty

BASE = "base"
"""The role name under which the base's own weights train in full fine-tuning."""


class RoleModel(nn.Module):
    """Wraps a Hugging Face causal language model whose attention has been replaced by ours."""

    def __init__(
        self,
        base: nn.Module,
        *,
        train_base: bool = False,
        checkpointing: bool = False,
        streamed_to: torch.device | None = None,
    ) -> None:
        """`streamed_to`: where the blocks work, if their weights lie elsewhere (`offload.spread`)."""
        super().__init__()
        self.base = base
        self.config: Any = base.config
        self.forward_state = ForwardState(Layout.all(None))
        self.heads = nn.ModuleDict()
        self.lora: dict[str, LoraSettings] = {}
        self.trainable: set[str] = {BASE} if train_base else set()
        self.thrifty = False
        """Whether beginnings that sequences share are computed once."""
        base.requires_grad_(train_base)
        base.config._attn_implementation = attention.NAME  # type: ignore[union-attr]
        for module in base.modules():
            module.forward_state = self.forward_state  # type: ignore[assignment]
        turn_in_one_step(self.trunk, self.forward_state)
        self.narrows = narrow_last_layer(self.trunk, self.forward_state)
        self.works_on = streamed_to
        """Where forwards run, if not where the weights lie."""
        if streamed_to is not None:
            stream(self.trunk, streamed_to)
        if checkpointing:
            checkpoint_layers(self.trunk, self.forward_state)
        self.eval()

    @property
    def device(self) -> torch.device:
        return self.works_on or next(self.base.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the base."""
        return self.head.get_parameter("weight").dtype

    @property
    def trunk(self) -> nn.Module:
        return self.base.get_submodule(self.base.base_model_prefix)  # type: ignore[arg-type]

    @property
    def head(self) -> nn.Module:
        """The output head, by accessor: its attribute name differs between versions."""
        return self.base.get_output_embeddings()  # type: ignore[operator, no-any-return]

    # --- roles

    def add_role(
        self, role: str, settings: LoraSettings, *, trainable: bool, copy_of: str | None = None, seed: int = 0
    ) -> None:
        """A new adapter, or a copy of another role's. Raises UsageProblem for an unknown target."""
        generator = torch.Generator().manual_seed(seed)
        for layer in self._targets(settings):
            layer.add_role(role, settings.rank, settings.scale, settings.dropout, generator)
            if self.works_on is not None:
                layer.A.to(self.works_on), layer.B.to(self.works_on)
            if copy_of is not None and copy_of in layer.A:
                layer.A[role].data.copy_(layer.A[copy_of].data)
                layer.B[role].data.copy_(layer.B[copy_of].data)
            for matrix in (layer.A[role], layer.B[role]):
                matrix.requires_grad_(trainable)
        self.lora[role] = settings
        if trainable:
            self.trainable.add(role)

    def add_head(self, role: str, *, trainable: bool, seed: int = 0) -> None:
        """A scalar head in float32 from N(0, 1/√(d + 1)), no bias (Stiennon et al. 2020; N+ details)."""
        width = int(self.config.hidden_size)
        head = nn.Linear(width, 1, bias=False, device="cpu", dtype=torch.float32)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            head.weight.normal_(0, 1 / math.sqrt(width + 1), generator=generator)
        self.heads[role] = head.to(self.device).requires_grad_(trainable)
        if trainable:
            self.trainable.add(role)

    def parameters_of(self, role: str) -> dict[str, nn.Parameter]:
        """Name → parameter of everything `role` owns: its adapter and its head, or the base's weights."""
        if role == BASE:
            return {
                name: parameter
                for name, parameter in self.base.named_parameters()
                if ".A." not in name and ".B." not in name
            }
        owned: dict[str, nn.Parameter] = {}
        for name, layer in self.role_layers().items():
            if role in layer.A:
                owned[f"{name}.lora_A"], owned[f"{name}.lora_B"] = layer.A[role], layer.B[role]
        if role in self.heads:
            owned["score"] = self.score(role)
        return owned

    def score(self, role: str) -> nn.Parameter:
        """(1, H), the weight of the role's scalar head."""
        return self.heads[role].get_parameter("weight")

    def role_layers(self) -> dict[str, RoleLinear]:
        """Path inside the base → the layers that carry adapters."""
        return {name: layer for name, layer in self.base.named_modules() if isinstance(layer, RoleLinear)}

    def _targets(self, settings: LoraSettings) -> Iterator[RoleLinear]:
        candidates = linear_layers(self.trunk, str(self.base.base_model_prefix))
        for name in chosen_layers(candidates, settings.targets):
            layer = candidates[name]
            yield layer if isinstance(layer, RoleLinear) else self._wrapped(name, layer)

    def _wrapped(self, name: str, layer: nn.Module) -> RoleLinear:
        parent, _, leaf = name.rpartition(".")
        wrapped = RoleLinear(layer, self.forward_state)
        wrapped.eval()
        setattr(self.base.get_submodule(parent), leaf, wrapped)
        return wrapped

    # --- forwards

    def forward(self, batch: TokenBatch) -> TokenOutputs:
        """One packed pass; every trainable role takes part, with an empty span if it has no tokens."""
        batch = thrifty(batch) if self.thrifty and not self._drops() else batch
        trainable = sorted(self.trainable - {BASE})
        layout = batch.layout.including(trainable, batch.num_tokens)
        asked = batch.asked.including(trainable) if batch.asked and self.narrows else None
        hidden = self._trunk(batch.ids, batch.positions, replace(layout, last=asked), batch.packing)[0]

        def at(tokens: Tensor) -> Tensor:
            return hidden.index_select(0, asked.rows(tokens) if asked else tokens)

        every = len(batch.score_at) == len(hidden) and batch.packing.shared is None
        scored = hidden if every else at(batch.score_at)
        logprobs, entropy = token_logprobs(scored, self.head, batch.targets, batch.temperature, batch.entropy)
        read = {
            **{role: batch.ids.new_zeros(0) for role in trainable if role in self.heads},
            **batch.value_at,
        }
        values = {role: self.heads[role](at(tokens).float()).squeeze(-1) for role, tokens in read.items()}
        return TokenOutputs(logprobs, entropy, values)

    def hidden(
        self, ids: Tensor, positions: Tensor, layout: Layout, cache: Any = None, mask: Tensor | None = None
    ) -> Tensor:
        """ids (S, L) → (S, L, H); with `cache` and boolean `mask` (S, 1, L, K) for decoding."""
        return self._trunk(ids, positions, layout, None, cache, mask)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., H) → (..., V) in float32."""
        return self.head(hidden).float()  # type: ignore[no-any-return]

    def _trunk(
        self,
        ids: Tensor,
        positions: Tensor,
        layout: Layout,
        packing: Packing | None,
        cache: Any = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        self.forward_state.layout, self.forward_state.packing = layout, packing
        output = self.trunk(
            input_ids=ids,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
        )
        return output.last_hidden_state  # type: ignore[no-any-return]

    def _drops(self) -> bool:
        return any(layer.training and any(layer.dropout.values()) for layer in self.role_layers().values())

    def learning(self) -> None:
        """From here on adapters that have a dropout use it; the base never drops."""
        for layer in self.role_layers().values():
            layer.train()

    @contextlib.contextmanager
    def measuring(self) -> Iterator[None]:
        """Inside, nothing drops."""
        dropping = [layer for layer in self.role_layers().values() if layer.training]
        self.eval()
        try:
            yield
        finally:
            for layer in dropping:
                layer.train()


def probe(model: RoleModel, ids: Sequence[int]) -> float:
    """Largest |head(trunk(x)) − model(x).logits|; above rounding, the model is not what we take it for."""
    tokens = torch.tensor([list(ids)], device=model.device)
    positions = torch.arange(tokens.shape[1], device=model.device)[None]
    with torch.no_grad():
        ours = model.logits(model.hidden(tokens, positions, Layout.all(None)))
        theirs = model.base(input_ids=tokens, position_ids=positions, use_cache=False).logits.float()
    return float((ours - theirs).abs().max())
