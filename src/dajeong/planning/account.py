"""Bytes that torch holds, operation by operation: what an operation makes counts until nobody holds it.

Sees real tensors and fake ones, which have a shape and no memory. Knows no model.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Bytes(NamedTuple):
    activations: int = 0
    logits: int = 0
    """Of these, tensors as wide as the vocabulary."""

    @property
    def total(self) -> int:
        return self.activations + self.logits


class Account(TorchDispatchMode):
    """Inside, storages are counted as they come and go; `peak` is what was alive when most was."""

    def __init__(self, vocabulary: int, held: Iterable[Tensor] = (), *, byte_masks: bool = False) -> None:
        """`held` was there before and is not counted, nor is what only looks at it.

        `byte_masks`: what is dropped is remembered in a byte each, as cards do, and not in a float.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self.vocabulary, self.byte_masks = vocabulary, byte_masks
        self.alive = self.peak = Bytes()
        self._held = [tensor.untyped_storage() for tensor in held]  # kept, so that no address comes twice
        self._known: dict[int, Any] = {storage._cdata: None for storage in self._held}
        self._sizes: dict[int, tuple[int, bool]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            if isinstance(each, Tensor) and each.layout == torch.strided:
                self._see(each)
        if self.byte_masks and func is torch.ops.aten.bernoulli_.float:
            self._shrink(made)
        return made

    def _see(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        address = storage._cdata
        if address in self._known:
            return
        size, wide = storage.nbytes(), tensor.dim() > 0 and tensor.shape[-1] == self.vocabulary
        self._add(size, wide)
        self._known[address] = weakref.ref(storage, lambda _: self._gone(address))
        self._sizes[address] = size, wide

    def _shrink(self, mask: Tensor) -> None:
        address = mask.untyped_storage()._cdata
        size, wide = self._sizes[address]
        self._sizes[address] = mask.numel(), wide
        self._add(mask.numel() - size, wide)

    def _gone(self, address: int) -> None:
        del self._known[address]
        size, wide = self._sizes.pop(address)
        self._add(-size, wide)

    def _add(self, size: int, wide: bool) -> None:
        activations, logits = self.alive
        self.alive = Bytes(activations, logits + size) if wide else Bytes(activations + size, logits)
        if self.alive.total > self.peak.total:
            self.peak = self.alive
