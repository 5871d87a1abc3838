"""What the configurations of bases say that recipes name, so that a plan needs no network. Data only.

Polyglot-Ko: vocabulary 30,080 (30,003 of it used), 2,048 positions, rotary base 10,000, inner width 4 ×
hidden. How much of a head turns must be said: the library's own default is right for one of four.
"""

from __future__ import annotations

from typing import NamedTuple


class Neox(NamedTuple):
    """A GPT-NeoX with parallel residual and an output head of its own."""

    layers: int
    hidden: int
    heads: int
    rotary: float
    """Share of every head that turns with the position."""
    vocabulary: int = 30_080


POLYGLOT = {
    "1.3b": Neox(24, 2048, 16, 0.5),
    "3.8b": Neox(32, 3072, 24, 0.5),
    "5.8b": Neox(28, 4096, 16, 0.25),
    "12.8b": Neox(40, 5120, 40, 0.5),
}
KNOWN: dict[str, Neox] = {
    **{f"EleutherAI/polyglot-ko-{size}": shape for size, shape in POLYGLOT.items()},
    "nlpai-lab/kullm-polyglot-12.8b-v2": POLYGLOT["12.8b"],
    "beomi/KoAlpaca-Polyglot-12.8B": POLYGLOT["12.8b"]._replace(vocabulary=30_003),
}
"""Hub id → shape."""
