"""How long work takes on a card: operations over the card's rate, at a share of it that runs usually reach.

Predicted from figures of the card and of the model; nothing here was measured on a run. Knows no step.
"""

from __future__ import annotations

from typing import NamedTuple

from dajeong.models.lora import chosen_layers
from dajeong.models.settings import LoraSettings
from dajeong.planning.cards import Card
from dajeong.planning.shapes import Shape

REACHED = (0.35, 0.6)
"""Shares of a card's rate of products that training reaches, padding and small steps included."""
READ = (0.4, 0.8)
"""Shares of its memory's rate that decoding reaches."""
LAUNCHED_S = 0.0008
"""Seconds that starting a layer's kernels takes in a decoding step, whatever the card."""
WIDTH = 2
"""Bytes of a number in bfloat16."""


class Learning(NamedTuple):
    """What a token of a forward is read for."""

    gradient: bool
    checkpointing: bool = False
    train_base: bool = False
    lora: LoraSettings | None = None


def token_flops(shape: Shape, length: float, scored: float, learning: Learning) -> float:
    """Operations of a token in a sequence of `length`, with a share `scored` whose log-probability is asked.

    A product is read forward, back to its input, and back to its weights where those learn.
    """
    matrices, head = 2.0 * shape.in_matrices, 2.0 * shape.head * scored
    attention = 2.0 * shape.attention * length * shape.layers
    if not learning.gradient:
        return matrices + attention + head
    passes = 3 if learning.train_base else 2
    again = 2.0 * _recomputed(shape, learning.lora) if learning.checkpointing else 0.0
    return passes * (matrices + head) + again + attention * (4.5 if learning.checkpointing else 3.5)


def _recomputed(shape: Shape, lora: LoraSettings | None) -> int:
    """Parameters of the matrices that checkpointing reads again: a last one without adapter is left out."""
    last = list(shape.matrices)[-1].rpartition(".")[2]
    chosen = set(chosen_layers(shape.matrices, lora.targets)) if lora else set()
    idle = [path for path in shape.matrices if path.rpartition(".")[2] == last and path not in chosen]
    return shape.in_matrices - sum(shape.matrices[path][0] * shape.matrices[path][1] for path in idle)


def step_bytes(shape: Shape, rows: int, context: float) -> float:
    """What one decoding step reads: every weight, and what is kept of every token so far."""
    return (shape.in_matrices + shape.head) * WIDTH + rows * context * shape.cached_token(WIDTH)


class Effort(NamedTuple):
    """What a step does in all."""

    flops: float = 0.0
    decoding_steps: float = 0.0
    bytes_per_step: float = 0.0

    def hours(self, shape: Shape, card: Card, num_cards: float = 1) -> tuple[float, float] | None:
        """(from, to); None where the card's rate is not known."""
        if not card.teraflops:
            return None
        launched = self.decoding_steps * LAUNCHED_S * shape.layers
        times = []
        for reached, read in zip(reversed(REACHED), reversed(READ), strict=True):
            products = self.flops / (card.teraflops * 1e12 * reached)
            decoding = self.decoding_steps * self.bytes_per_step / (card.gigabytes * 1e9 * read)
            times.append((products + max(decoding, launched)) / 3600 / num_cards)
        return times[0], times[1]
