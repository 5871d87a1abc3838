"""A forward and backward without weights: what they would hold at most, beside weights and optimizer.

Our own model code runs on fake tensors; every layer holds as much as the one before, so a few of them tell of
many. Knows forwards, no step and no recipe.
"""

from __future__ import annotations

import copy
import math
from typing import Any, Literal, NamedTuple

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from dajeong.models.layout import Sequence_, TokenBatch, pack
from dajeong.models.roles import RoleModel
from dajeong.models.settings import LoraSettings
from dajeong.planning.account import Account, Bytes

Device = Literal["cuda", "cpu"]
FEW = 4
"""Layers that are rehearsed all; of more, two and three tell how much each adds."""


class RoleShape(NamedTuple):
    name: str
    lora: LoraSettings | None
    """None: no adapter, a head alone."""
    trainable: bool = False
    head: bool = False


class Reader(NamedTuple):
    """Sequences of one role."""

    role: str | None
    lengths: tuple[int, ...]
    scored: float = 0.0
    """Share of the tokens, at the end of each, whose log-probability is asked."""
    values: int = 0
    """Tokens, at the end of each, at which a head is read."""
    head: str | None = None
    """Whose, where it is not the role's own."""


class Forward(NamedTuple):
    readers: tuple[Reader, ...]
    gradient: bool = True
    entropy: bool = False

    @property
    def num_tokens(self) -> int:
        return sum(sum(reader.lengths) for reader in self.readers)


class Body(NamedTuple):
    """The model that a forward goes through."""

    config: Any
    roles: tuple[RoleShape, ...] = ()
    dtype: torch.dtype = torch.bfloat16
    checkpointing: bool = False
    train_base: bool = False
    device: Device = "cuda"


def rehearse(body: Body, forward: Forward) -> Bytes:
    """The most bytes alive inside the forward and its backward. The same is rehearsed once."""
    known = (body.config.to_json_string(), body._replace(config=None), forward)
    if known not in _REHEARSED:
        _REHEARSED[known] = _most(body, forward)
    return _REHEARSED[known]


def _most(body: Body, forward: Forward) -> Bytes:
    layers = int(body.config.get_text_config().num_hidden_layers)
    if layers <= FEW:
        return _rehearse(body, forward, layers)
    two, three = (_rehearse(body, forward, number) for number in (2, 3))
    return Bytes(*(most + (layers - 3) * (most - less) for less, most in zip(two, three, strict=True)))


_REHEARSED: dict[tuple[str, Body, Forward], Bytes] = {}


def _rehearse(body: Body, forward: Forward, layers: int) -> Bytes:
    batch = _batch(forward)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = _model(body, layers)
        held = [*model.parameters(), *model.buffers()]
        held += [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        vocabulary = int(body.config.get_text_config().vocab_size)
        with Account(vocabulary, held, byte_masks=body.device == "cuda") as account:
            _run(model, batch, forward.gradient)
    peak: Bytes = account.peak
    return peak


def _run(model: RoleModel, batch: TokenBatch, gradient: bool) -> None:
    with torch.set_grad_enabled(gradient):
        outputs = model(batch)
        if gradient:
            total = outputs.logprobs.sum() + sum(values.sum() for values in outputs.values.values())
            if outputs.entropy is not None:
                total = total + outputs.entropy.sum()
            total.backward()


def _model(body: Body, layers: int) -> RoleModel:
    """With gradients, as from the second forward of an update on."""
    from transformers import AutoModelForCausalLM

    network: Any = AutoModelForCausalLM.from_config(_thinner(body.config, layers), dtype=body.dtype)
    model = RoleModel(network, train_base=body.train_base, checkpointing=body.checkpointing)
    for role in body.roles:
        if role.lora is not None:
            model.add_role(role.name, role.lora, trainable=role.trainable)
        if role.head:
            _add_head(model, role)
    model.learning()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    return model


def _add_head(model: RoleModel, role: RoleShape) -> None:
    """As `RoleModel.add_head`, whose move to a device fake tensors do not bear."""
    head = torch.nn.Linear(int(model.config.hidden_size), 1, bias=False, dtype=torch.float32)
    model.heads[role.name] = head.requires_grad_(role.trainable)
    if role.trainable:
        model.trainable.add(role.name)


def _thinner(config: Any, layers: int) -> Any:
    thin = copy.deepcopy(config)
    text = thin.get_text_config()
    text.num_hidden_layers = layers
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:layers]
    return thin


def _batch(forward: Forward) -> TokenBatch:
    sequences = [_sequence(reader, length) for reader in forward.readers for length in reader.lengths]
    batch = pack(sequences, entropy=forward.entropy)
    _ = batch.packing.rows  # worked out here, on real integers
    return batch


def _sequence(reader: Reader, length: int) -> Sequence_:
    unscored = length - math.ceil(length * reader.scored)
    learn = [place >= unscored for place in range(length)] if reader.scored else None
    return Sequence_([0] * length, reader.role, learn, range(length - reader.values, length), reader.head)
