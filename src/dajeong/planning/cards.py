"""Graphics cards that a plan can be made for: memory, and how fast they say they are. Data only.

Rates are those of the makers' data sheets, dense bfloat16 with float32 sums; of the H100 they were measured,
with products of 8192³ and large copies.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

from dajeong.errors import UsageProblem

GIB = 1 << 30
LOST = 4_900_000_000
"""Bytes that a run cannot count on: the driver's own (1.4 GB), and workspaces and gaps between tensors."""


class Card(NamedTuple):
    name: str
    gib: float
    teraflops: float
    """10¹² floating-point operations a second, products in bfloat16; 0 where it is not known."""
    gigabytes: float
    """10⁹ bytes a second, read or written."""
    measured: bool = False

    @property
    def room(self) -> int:
        """Bytes that weights, activations and caches may take."""
        return int(self.gib * GIB) - LOST


CARDS = {
    "rtx-3090": Card("RTX 3090", 24, 71, 936),
    "rtx-4090": Card("RTX 4090", 24, 165, 1008),
    "l4": Card("L4", 24, 121, 300),
    "a10": Card("A10", 24, 125, 600),
    "a6000": Card("RTX A6000", 48, 155, 768),
    "l40s": Card("L40S", 48, 362, 864),
    "a100-40": Card("A100 40GB", 40, 312, 1555),
    "a100-80": Card("A100 80GB", 80, 312, 2039),
    "h100": Card("H100 80GB", 80, 798, 3000, measured=True),
    "h200": Card("H200", 141, 989, 4800),
}
BY_SIZE = {"24": "rtx-4090", "40": "a100-40", "80": "a100-80"}
"""What a bare size stands for: the usual card of that memory, those of KULLM and VAIV among them."""


def card_of(name: str) -> Card:
    """Raises UsageProblem with the nearest name for a card that is not listed."""
    wanted = BY_SIZE.get(name, name).lower()
    if wanted in CARDS:
        return CARDS[wanted]
    known = [*BY_SIZE, *CARDS]
    nearest = difflib.get_close_matches(wanted, known, n=1, cutoff=0.0)[0]
    raise UsageProblem("plan-card-unknown", card=name, nearest=nearest, known=", ".join(known))
