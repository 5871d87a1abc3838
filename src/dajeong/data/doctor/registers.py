"""Whether answers mix registers, or a register gives a kind away. Knows no ending."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dajeong.data.doctor.codes import CODES
from dajeong.data.doctor.finding import Finding

POLITE = ("haeyo", "hapsho")
MIN_ANSWERS = 20
"""Fewer answers with a register say nothing about it."""
MIXED = 0.1
"""Share of the rarer register from which a set is mixed."""
TELLING = 0.5
"""Distance between two kinds' shares of 존댓말 from which the register alone tells them apart."""


def findings(registers: Mapping[str, Mapping[str, int]]) -> Iterator[Finding]:
    """From kind → register of its answers → how many; the empty string is all kinds."""
    polite = {kind: politeness(counts) for kind, counts in registers.items()}
    share, n = polite.pop("", (0.0, 0))
    if n >= MIN_ANSWERS and min(share, 1 - share) > MIXED:
        yield _finding("mixed-register", round(n * min(share, 1 - share)), n, share=f"{share:.0%}")
    told = {kind: found for kind, found in polite.items() if found[1] >= MIN_ANSWERS}
    if len(told) > 1:
        high, low = max(told, key=lambda kind: told[kind]), min(told, key=lambda kind: told[kind])
        most, least = told[high][0], told[low][0]
        if most - least > TELLING:
            names = {"high": high, "low": low, "most": f"{most:.0%}", "least": f"{least:.0%}"}
            yield _finding("register-tells-kind", told[high][1], n, **names)


def politeness(counts: Mapping[str, int]) -> tuple[float, int]:
    """(share of 존댓말, n) among answers that are wholly in one or the other."""
    polite = sum(counts.get(name, 0) for name in POLITE)
    n = polite + counts.get("banmal", 0)
    return (polite / n if n else 0.0), n


def _finding(code: str, count: int, of: int, **parameters: object) -> Finding:
    return Finding(code=code, severity=CODES[code], count=count, of=of, parameters=parameters)
