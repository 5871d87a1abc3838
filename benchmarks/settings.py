"""What is measured: shapes, lengths, counts. Plain numbers, read by both sides; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """GPT-NeoX in the shape of Pythia-31m, with a small vocabulary."""

    layers: int = 6
    hidden: int = 256
    heads: int = 8
    vocabulary: int = 4000
    positions: int = 1024
    spread: float = 0.1
    """Deviation of the drawn weights: wide enough that no greedy choice is a tie."""


@dataclass(frozen=True)
class Sft:
    """LoRA as KULLM and VAIV set it, dropout off; one optimizer step per batch of examples."""

    examples: int = 2445
    """As many as VAIV's instructions, so that grouping by length has enough to choose from."""
    max_tokens: int = 512
    batch: int = 8
    warm_up: int = 4
    updates: int = 24
    """Timed ones, an even choice of the batches that the Trainer's grouping gives."""
    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ("query_key_value",)
    learning_rate: float = 3e-4
    epsilon: float = 1e-5
    max_grad_norm: float = 1.0


@dataclass(frozen=True)
class Generate:
    """Greedy, every reply of the same length, no token ends one."""

    batches: tuple[int, ...] = (1, 16, 64)
    repeats: tuple[int, ...] = (8, 3, 2)
    """Timed calls of every batch size, each with other prompts."""
    prompt: int = 64
    new: int = 128


@dataclass(frozen=True)
class Settings:
    model: Model = Model()
    sft: Sft = Sft()
    generate: Generate = Generate()
    threads: int = 1
    seed: int = 0


FULL = Settings()
SMALL = Settings(
    Model(layers=2, hidden=64, heads=4, vocabulary=500),
    Sft(examples=256, updates=6, warm_up=2),
    Generate(batches=(1, 16, 64), repeats=(1, 1, 1), prompt=16, new=16),
)
"""To try the benchmark itself; its figures mean nothing."""
