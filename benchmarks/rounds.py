"""The arithmetic of a paired benchmark: the order of runs, medians, ratios, the form of a result.

Knows neither models nor peers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

OURS, PEER = "ours", "peer"
SMALLER_IS_BETTER = "seconds_to_loss"
"""How names of ratios of ours to the peer's begin; all others are of the peer's to ours."""
SIDES = (OURS, PEER)

Row = dict[str, Any]
"""One measured cell: name, round, side, cpu_seconds, count (of tokens, pairs, replies)…"""


def interleaved(rounds: int, tasks: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """(round, task, side): the two sides of a task always stand next to each other, A B A B …"""
    for number in range(1, rounds + 1):
        for task in tasks:
            for side in SIDES:
                yield number, task, side


def alternating(rounds: int, sides: Sequence[str]) -> Iterator[tuple[int, str]]:
    """(round, side): every round asks all sides, every second one in the opposite order."""
    for number in range(1, rounds + 1):
        for side in sides if number % 2 else list(reversed(sides)):
            yield number, side


def seconds(rows: Sequence[Row], name: str, side: str) -> list[float]:
    """CPU-seconds of every round, in order."""
    chosen = [row for row in rows if row["name"] == name and row["side"] == side]
    return [row["cpu_seconds"] for row in sorted(chosen, key=lambda row: row["round"])]


def paired(rows: Sequence[Row], name: str) -> list[float]:
    """The peer's CPU-seconds over ours (or the reverse, where less is better), round by round: a machine
    that slows down slows both of a pair.
    """
    ours, peer = seconds(rows, name, OURS), seconds(rows, name, PEER)
    if name.startswith(SMALLER_IS_BETTER):
        ours, peer = peer, ours
    return [theirs / mine for mine, theirs in zip(ours, peer, strict=True)]


def summary(rows: Sequence[Row], targets: Mapping[str, float]) -> dict[str, Any]:
    """Medians per side, the median of the paired ratios, and which targets they miss."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    by_round = {name: [round(ratio, 3) for ratio in paired(rows, name)] for name in names}
    ratios = {name: round(median(values), 3) for name, values in by_round.items()}
    return {
        "ratios": ratios,
        "ratios_by_round": by_round,
        "targets": {name: targets[name] for name in names if name in targets},
        "missed": [name for name in names if name in targets and misses(name, ratios[name], targets[name])],
        "median_cpu_seconds": _medians(rows, names, lambda row: float(row["cpu_seconds"])),
        "median_per_cpu_second": _medians(rows, names, lambda row: row["count"] / row["cpu_seconds"]),
    }


def misses(name: str, ratio: float, target: float) -> bool:
    return ratio > target if name.startswith(SMALLER_IS_BETTER) else ratio < target


def reached(curve: Sequence[tuple[float, float]], mark: float) -> float | None:
    """CPU-seconds at which a curve of (seconds, loss) first is at or below `mark`; None if it never is."""
    return next((seconds for seconds, loss in curve if loss <= mark), None)


def _medians(
    rows: Sequence[Row], names: Sequence[str], read: Callable[[Row], float]
) -> dict[str, dict[str, float]]:
    return {
        name: {
            side: round(median(read(row) for row in rows if row["name"] == name and row["side"] == side), 3)
            for side in SIDES
        }
        for name in names
    }


def largest_gap(ours: Sequence[float], peer: Sequence[float]) -> float:
    """Largest relative difference of two lists of losses."""
    return max(abs(mine - theirs) / abs(theirs) for mine, theirs in zip(ours, peer, strict=True))
