"""What a device could do at best: products at the rate of its own products, bytes at the rate of a copy.

Knows shapes and rates, no model of ours.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

import torch


@dataclass(frozen=True)
class Shape:
    """GPT-NeoX as Polyglot-Ko has it."""

    layers: int
    hidden: int
    heads: int
    vocabulary: int
    positions: int

    @property
    def layer_weights(self) -> int:
        """Of the products of all layers: query, key, value, out, up, down."""
        return 12 * self.hidden**2 * self.layers

    @property
    def head_weights(self) -> int:
        return self.hidden * self.vocabulary


def sft_floor(shape: Shape, rate: float, learned: float = 0.6, length: int = 230) -> float:
    """Tokens per second where only products cost.

    Two operations a weight, forward and towards the input: no gradient of frozen weights, nothing computed
    twice. The head only where a token is learned. Attention's two products over half the square, forward once
    and backward two and a half times.
    """
    weights = 4 * shape.layer_weights + 4 * learned * shape.head_weights
    attention = 3.5 * shape.layers * 2 * shape.hidden * length
    return rate / (weights + attention)


def decode_floor(shape: Shape, batch: int, columns: int, rate: float, size: int = 2) -> float:
    """Seconds of a step that reads weights and every row's keys and values once, `size` bytes a number."""
    weights = size * (shape.layer_weights + shape.head_weights)
    cache = size * 2 * shape.layers * shape.hidden * columns * batch
    return (weights + cache) / rate


def matmul_rate(shape: Shape, tokens: int, device: torch.device) -> float:
    """Operations per second of the model's largest product at this many tokens."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    x = torch.randn(tokens, shape.hidden, device=device, dtype=dtype)
    weight = torch.randn(4 * shape.hidden, shape.hidden, device=device, dtype=dtype)
    return 2 * tokens * 4 * shape.hidden**2 / _seconds(lambda: torch.nn.functional.linear(x, weight), device)


def copy_rate(device: torch.device) -> float:
    """Bytes per second, read and written, of a plain copy."""
    size = 1 << (32 if device.type == "cuda" else 24)
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / _seconds(lambda: target.copy_(source), device)


def _seconds(work: object, device: torch.device, times: int = 20) -> float:
    assert callable(work)
    spent = []
    for _ in range(times + 3):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        spent.append(time.perf_counter() - began)
    return median(spent[3:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
