"""Outcomes of a reward model and of its baselines in, accuracies and their verdict out. Knows no model.

Praise needs 30 pairs, an interval above the best baseline, and a paired difference that leaves 0 out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dajeong import artefacts, statistics
from dajeong.artefacts import Comparison, Judge
from dajeong.data.seen import is_spoiled
from dajeong.records import Result
from dajeong.result_rows import result_row
from dajeong.statistics import FEW, Estimate

NOT_ABOVE = "not above its baselines (기준선보다 낫지 않음)"
"""The words a reader, and the report, look for."""
TELLS = "the reply alone gives the label away: an accuracy near this one shows nothing"
BELOW_CHANCE = "below chance: look for exchanged labels or another kind of text than in training"

Known = Sequence[float | None]


class Outcomes(NamedTuple):
    """Per comparison: 1 the better response wins, 0 it loses, 0.5 a tie, None not scored."""

    reward: list[float | None]
    baselines: dict[str, list[float | None]]


def prompt_free(training: Sequence[Comparison], test: Sequence[Comparison]) -> dict[str, list[float | None]]:
    """Every baseline that reads no prompt; the learning ones say in their name what they learned from."""
    judges: dict[str, Callable[[Sequence[Comparison]], Judge]] = {
        "n-grams": artefacts.NGrams([*training, *test])
    }
    if artefacts.names_authors(test):
        judges["author"] = artefacts.fit_authors
    found: dict[str, list[float | None]] = {
        "longer-wins": [*artefacts.longer_wins(test)],
        "shorter-wins": [*artefacts.shorter_wins(test)],
    }
    for name, fit in judges.items():
        if training:
            found[f"{name}, trained"] = [*artefacts.trained(fit, training, test)]
        found[f"{name}, cross-validated on the test"] = [*artefacts.cross_validated(fit, test)]
    return found


def results(name: str, pairs: Sequence[Comparison], found: Outcomes, notes: str = "") -> list[Result]:
    """All pairs, then each kind: the accuracy beside its baselines, then its distance from the best."""
    return [row for task, rows in scopes(pairs) for row in _results_of(name, task, rows, found, notes)]


def alone(pairs: Sequence[Comparison], baselines: Mapping[str, Known], notes: str = "") -> Iterator[Result]:
    """What the baselines reach without any model to set beside them, each with its interval."""
    for task, rows in scopes(pairs):
        for name, outcomes in baselines.items():
            known = _known(outcomes, rows)
            share = statistics.wilson(sum(known), len(known))
            said = [TELLS if share.low > 0.5 else "", _few(len(known)), notes]
            found = _row(name, task, share, 0)
            yield found.model_copy(
                update={"metric": "baseline_accuracy", "notes": "; ".join(filter(None, said))}
            )


def scopes(pairs: Sequence[Comparison]) -> list[tuple[str, list[int]]]:
    kinds = sorted({pair.kind for pair in pairs})
    every = [("reward", list(range(len(pairs))))]
    return every + [
        (f"reward/{kind}", [row for row, pair in enumerate(pairs) if pair.kind == kind]) for kind in kinds
    ]


def _results_of(name: str, task: str, rows: Sequence[int], found: Outcomes, notes: str) -> Iterator[Result]:
    scored = [row for row in rows if found.reward[row] is not None]
    missing = len(rows) - len(scored)
    ours = _known(found.reward, scored)
    if not ours:
        yield _row(name, task, None, missing).model_copy(update={"notes": NOT_ABOVE})
        return
    theirs = {other: _known(outcomes, scored) for other, outcomes in found.baselines.items()}
    theirs = {other: outcomes for other, outcomes in theirs.items() if len(outcomes) == len(ours)}
    shares = {other: sum(outcomes) / len(outcomes) for other, outcomes in theirs.items()}
    best = max(shares, key=lambda other: shares[other])
    accuracy, difference = statistics.wilson(sum(ours), len(ours)), _difference(ours, theirs[best])
    words = _verdict(accuracy, difference, best, shares[best], ours, is_spoiled(notes))
    said = "; ".join(filter(None, [words, notes if "/" not in task else ""]))
    yield _row(name, task, accuracy, missing).model_copy(update={"baselines": shares, "notes": said})
    yield _row(name, task, difference, missing).model_copy(update={"versus": best})


def _row(name: str, task: str, estimate: Estimate | None, missing: int) -> Result:
    return result_row(name, task, "accuracy", estimate, missing=missing)


def _verdict(
    accuracy: Estimate,
    difference: Estimate,
    best: str,
    share: float,
    ours: Sequence[float],
    is_spoiled: bool,
) -> str:
    """Above only if the interval and the paired difference say so, of enough pairs that were not learned."""
    above = accuracy.low > share and difference.low > 0 and accuracy.n >= FEW and not is_spoiled
    words = [f"above its baselines, best: {best}" if above else f"{NOT_ABOVE}, best: {best}"]
    words += [BELOW_CHANCE] if accuracy.high < 0.5 else []
    ties = sum(each == 0.5 for each in ours)
    words += [f"{ties} ties count half"] if ties else []
    return "; ".join(filter(None, [*words, _few(accuracy.n)]))


def _few(n: int) -> str:
    return f"only {n} pairs" if n < FEW else ""


def _difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """A score-type interval where every outcome is won or lost; with ties, the paired bootstrap."""
    if 0.5 in ours or 0.5 in theirs:
        return statistics.paired_mean(ours, theirs)
    return statistics.paired_shares([each == 1 for each in ours], [each == 1 for each in theirs])


def _known(outcomes: Known, rows: Sequence[int]) -> list[float]:
    return [found for row in rows if (found := outcomes[row]) is not None]
