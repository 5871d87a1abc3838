"""What a step holds on its card at most, part by part. Knows models and forwards, no step and no recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from dajeong.planning.account import Bytes
from dajeong.planning.rehearsal import Body, Forward, rehearse
from dajeong.planning.shapes import Shape

Parallel = Literal["single", "ddp", "fsdp2", "zero2", "zero3"]
FLOAT = 4
"""Adapters, their gradients and both of AdamW's moments are float32, whatever the base is."""
MOMENTS = 2
DECODED = 18
"""Bytes that a logit of a decoding step takes: as it comes, as float32, its probability, the sum up to it."""


class Cache(NamedTuple):
    """Keys and values of replies that are written side by side."""

    slots: int
    columns: int
    """Tokens there is room for in each."""


class Phase(NamedTuple):
    """Something a step does again and again; what it held is gone when the next one begins."""

    name: Literal["update", "scoring", "rollout", "reading"]
    forward: Forward
    cache: Cache | None = None
    folded: bool = False
    """Whether decoding works on a copy of the weights, as it does for small models on the processor."""


class Workload(NamedTuple):
    """What one process of a step holds and does."""

    shape: Shape
    body: Body
    phases: tuple[Phase, ...]
    quantised: Literal["8bit", "4bit"] | None = None
    copies: int = 0
    """Further copies of what learns, in float32: the best so far, an average."""
    bases: int = 1
    """Copies of the base: a critic may have one of its own."""
    others: int = 0
    """Bytes of other models beside it."""
    parallel: Parallel = "single"
    world: int = 1
    offload: bool = False
    """Whether the base's layers lie in main memory, and come to the card one by one."""


class Memory(NamedTuple):
    """Bytes; the last three in the phase that takes most."""

    weights: int
    adapters: int
    optimizer: int
    """Gradients and moments."""
    activations: int
    logits: int
    cache: int
    phase: str

    @property
    def peak(self) -> int:
        return self.held + self.activations + self.logits + self.cache

    @property
    def held(self) -> int:
        """What is there all the time."""
        return self.weights + self.adapters + self.optimizer


def memory_of(workload: Workload, rehearsed: Mapping[Phase, Bytes] | None = None) -> Memory:
    """Rehearses what is not `rehearsed` yet."""
    phases = {phase: (rehearsed or {}).get(phase) or _bytes(workload, phase) for phase in workload.phases}
    weights, adapters, optimizer = held(workload)
    caches = {phase: _cache(workload, phase) for phase in phases}
    most = max(phases, key=lambda phase: phases[phase].total + caches[phase])
    found = phases[most]
    return Memory(weights, adapters, optimizer, found.activations, found.logits, caches[most], most.name)


def held(workload: Workload) -> tuple[int, int, int]:
    """Bytes of weights, of adapters with their copies, of gradients and moments."""
    shape, body, world = workload.shape, workload.body, workload.world
    weights = shape.weights(body.dtype.itemsize, workload.quantised)
    if workload.offload:
        weights = (shape.parameters - shape.in_matrices) * body.dtype.itemsize + 2 * _layer(workload)
    elif workload.parallel in ("fsdp2", "zero3"):
        weights = weights // world + 2 * _layer(workload)
    weights *= workload.bases
    adapters = sum(adapter_bytes(workload).values())
    learning = learning_bytes(workload)
    gradients, moments = learning, MOMENTS * learning
    if workload.parallel in ("zero2", "zero3", "fsdp2"):
        gradients, moments = gradients // world, moments // world
    if workload.parallel == "ddp":
        gradients *= 2  # the buckets in which they are exchanged
    copies = workload.copies * learning
    return weights + workload.others, adapters + copies, gradients + moments


def adapter_bytes(workload: Workload) -> dict[str, int]:
    """Role → bytes of its adapter and its head."""
    return {
        role.name: FLOAT
        * (
            (workload.shape.adapter(role.lora) if role.lora else 0)
            + (workload.shape.hidden if role.head else 0)
        )
        for role in workload.body.roles
    }


def learning_bytes(workload: Workload) -> int:
    """Bytes of everything that learns."""
    if workload.body.train_base:
        return workload.shape.parameters * FLOAT
    owned = adapter_bytes(workload)
    return sum(owned[role.name] for role in workload.body.roles if role.trainable)


def _bytes(workload: Workload, phase: Phase) -> Bytes:
    found = rehearse(workload.body, phase.forward)
    whole = 0
    if workload.quantised:  # a matrix is unpacked while it is used
        whole = max(rows * columns for rows, columns in workload.shape.matrices.values())
    return Bytes(found.activations + whole * workload.body.dtype.itemsize, found.logits)


def _layer(workload: Workload) -> int:
    """Bytes of a layer that was fetched; the next one is fetched beside it."""
    return workload.shape.in_matrices // workload.shape.layers * workload.body.dtype.itemsize


def _cache(workload: Workload, phase: Phase) -> int:
    if phase.cache is None:
        return 0
    shape, width = workload.shape, workload.body.dtype.itemsize
    kept = phase.cache.slots * phase.cache.columns * shape.cached_token(width)
    folded = (shape.in_matrices + shape.head) * FLOAT if phase.folded else 0
    return kept + phase.cache.slots * shape.vocabulary * DECODED + folded


def columns_of(prompt: int, reply: int) -> int:
    """Room that the cache has in the end: it begins with what is likely and grows by half."""
    columns = min(prompt + reply, prompt + 128)
    while columns < prompt + reply:
        columns = max(columns + 1, columns + 64, columns * 3 // 2)
    return columns
