"""Digests of what a run starts from and of what it learns from. Knows tensors and token ids, no files.

`frozen_digest` is made to notice another model, not a forger: it is a checksum, quick also on a GPU.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from dajeong.models.layout import TokenBatch

WORDS_AT_ONCE = 1 << 22
GOLDEN = 0x1E3779B97F4A7C15
"""Odd, so that every word counts; Knuth's multiplier of hashes, within a signed 64-bit number."""
ROW_BYTES = 6
"""Of a sequence's hash: 2¹⁵ of them are summed without leaving 64 bits."""


def frozen_digest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    """Names, types, shapes and bits of tensors that do not train; the same on every device."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors, key=lambda item: item[0]):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} {_checksums(tensor)}\n".encode())
    return digest.hexdigest()[:16]


@torch.no_grad()
def _checksums(tensor: Tensor) -> list[int]:
    """Σ wᵢ xᵢ mod 2⁶⁴ of every stretch of its bits; integers, so no order of adding up changes it."""
    bits = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    words = bits.view(torch.int32) if bits.numel() % 4 == 0 else bits
    weights = torch.arange(1, min(len(words), WORDS_AT_ONCE) + 1, device=bits.device) * GOLDEN | 1
    parts = words.split(WORDS_AT_ONCE) if len(words) else ()
    return [int((part.long() * weights[: len(part)]).sum()) for part in parts]


def rows_hash(batches: Sequence[tuple[TokenBatch, bool]]) -> int:
    """A sum over the sequences of an update that count: no matter how they are cut into batches or spread
    over processes.
    """
    return sum(_hash_of(row) for tokens, counts in batches if counts for row in _rows(tokens))


def _rows(tokens: TokenBatch) -> Iterable[bytes]:
    ids = tokens.ids[0].cpu().numpy()
    for start, end in zip(tokens.packing.offsets, tokens.packing.offsets[1:], strict=False):
        yield ids[start:end].tobytes()


def _hash_of(row: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(row, digest_size=ROW_BYTES).digest(), "big")


def order_after(order: str, update: int) -> str:
    """The digest of all updates so far and of the next one's `rows_hash`."""
    return hashlib.sha256(f"{order} {update}".encode()).hexdigest()[:32]
