"""An estimate as a result row: value, interval and n as every figure has them. Knows no metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dajeong import statistics
from dajeong.records import Result
from dajeong.statistics import Estimate


def result_row(
    model: str,
    task: str,
    metric: str,
    estimate: Estimate | None,
    *,
    n: int | None = None,
    missing: int = 0,
    versus: str | None = None,
    decoding: str = "",
    notes: Iterable[str] = (),
) -> Result:
    """A figure that has no value has no interval either. `n`: where the estimate does not count what is asked
    about; empty `notes` are left out.
    """
    counted = estimate.n if estimate else 0
    return Result(
        model=model,
        task=task,
        metric=metric,
        value=estimate.value if estimate else None,
        ci_low=estimate.low if estimate else None,
        ci_high=estimate.high if estimate else None,
        n=counted if n is None else n,
        missing=missing,
        versus=versus,
        decoding=decoding,
        notes="; ".join(filter(None, notes)),
    )


def mcnemar_note(first: Sequence[bool], second: Sequence[bool]) -> str:
    """What stands behind a difference of two shares on the same items."""
    return f"McNemar p {statistics.mcnemar(first, second):.2g}"


def yes_or_no_note(first: Sequence[float], second: Sequence[float], scale: tuple[float, float] | None) -> str:
    """The same of scores on a scale of two, whose means are shares; nothing on any other scale."""
    if scale is None or scale[1] - scale[0] != 1 or not {*first, *second} <= set(scale):
        return ""
    return mcnemar_note([value == scale[1] for value in first], [value == scale[1] for value in second])
