"""Judged pairs in, win rates out: ties as halves, and once more at equal length. Knows no judge.

Length-controlled: logit p(win) = θ + φ · tanh(Δ length / deviation), and the rate is that of equal lengths,
as in AlpacaEval's `length_controlled_minimal` (Dubois et al. 2024, arXiv 2404.04475).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np
import numpy.typing as npt

from dajeong import statistics
from dajeong.judging.judge_biases import kin
from dajeong.judging.judge_figures import named
from dajeong.judging.pairwise import Pair
from dajeong.records import Result, Score
from dajeong.result_rows import mcnemar_note, result_row
from dajeong.statistics import Estimate

TASK = "winrate"
RESAMPLES = 500
APART = 0.10
"""A win rate that moves so far when lengths are made equal owes much to them."""
Floats = npt.NDArray[np.float64]
Group = Sequence[tuple[Pair, Score]]


def win_rates(pairs: Sequence[Pair], scores: Sequence[Score], learned: str = "") -> list[Result]:
    """Two rows for each two authors, `win_rate` and `win_rate_equal_length`; then those of each kind; then
    what sets authors apart who were compared with the same other one.
    """
    groups: dict[tuple[str, str, str], list[tuple[Pair, Score]]] = {}
    for pair, score in zip(pairs, scores, strict=True):
        groups.setdefault((pair.reply.author, pair.other.author, named(pair.reply.decoding)), []).append(
            (pair, score)
        )
    rows: list[Result] = []
    for (author, other, decoding), group in groups.items():
        kinds = sorted({pair.reply.kind for pair, _ in group})
        rows += _rows(TASK, author, other, group, decoding)
        for kind in kinds if len(kinds) > 1 else []:
            some = [each for each in group if each[0].reply.kind == kind]
            rows += _rows(f"{TASK}/{kind}", author, other, some, decoding)
    rows += _between(groups)
    said = (row.model_copy(update={"notes": f"{row.notes}; {learned}"}) for row in rows)
    return list(said) if learned else rows


def _between(groups: Mapping[tuple[str, str, str], Group]) -> Iterator[Result]:
    """Neighbours before the same opponent: the difference of their win rates on the prompts of both."""
    before: dict[tuple[str, str], list[str]] = {}
    for author, other, decoding in groups:
        before.setdefault((other, decoding), []).append(author)
    for (other, decoding), authors in before.items():
        for earlier, later in pairwise(authors):
            ours, theirs = (_by_prompt(groups[author, other, decoding]) for author in (later, earlier))
            both = [key for key in ours if key in theirs]
            shared = [key for key in both if ours[key] is not None and theirs[key] is not None]
            if not shared:
                continue
            first, second = ([side[key] or 0.0 for key in shared] for side in (ours, theirs))
            found = statistics.paired_mean(first, second, clusters=[prompt for prompt, _ in shared])
            test = mcnemar_note([value == 1 for value in first], [value == 1 for value in second])
            shown = "" if found.excludes_zero else "not shown: the interval holds 0"
            notes = [f"both against {other}", f"{test} of their wins", shown]
            yield result_row(
                later,
                TASK,
                "win_rate",
                found,
                missing=len(both) - len(shared),
                versus=earlier,
                decoding=decoding,
                notes=notes,
            )


def _by_prompt(group: Group) -> dict[tuple[str, int], float | None]:
    """(prompt, how often it had come before) → what was won."""
    found: dict[tuple[str, int], float | None] = {}
    times: Counter[str] = Counter()
    for pair, score in group:
        found[pair.reply.prompt_id, times[pair.reply.prompt_id]] = score.value
        times[pair.reply.prompt_id] += 1
    return found


def _rows(task: str, author: str, other: str, group: Group, decoding: str) -> list[Result]:
    known = [(pair, score, score.value) for pair, score in group if score.value is not None]
    missing = len(group) - len(known)
    wins = [value for _, _, value in known]
    clusters = [pair.reply.prompt_id for pair, _, _ in known]
    judged = sorted({f"{score.scorer}, {score.method}" for _, score in group})
    judged += filter(None, (kin({score.scorer for _, score in group}, name) for name in (author, other)))
    raw = statistics.mean(wins, clusters=clusters) if wins else None
    notes = [*judged, *(_remarks(wins, [score for _, score, _ in known]) if wins else [])]
    made = [(raw, "win_rate", notes)]
    if wins:
        gaps = [float(len(pair.reply.content) - len(pair.other.content)) for pair, _, _ in known]
        controlled = at_equal_length(wins, gaps)
        assert raw is not None
        moved = abs(controlled.value - raw.value)
        warned = [f"{moved:.0%} from the plain win rate: lengths decide much of it"] if moved > APART else []
        made.append((controlled, "win_rate_equal_length", [*judged, *warned]))
    return [
        result_row(
            author,
            task,
            metric,
            estimate,
            missing=missing,
            decoding=decoding,
            notes=[f"against {other}", *said],
        )
        for estimate, metric, said in made
    ]


def _remarks(wins: Sequence[float], scores: Sequence[Score]) -> list[str]:
    counts = [sum(value == each for value in wins) for each in (1.0, 0.5, 0.0)]
    consistent = fmean(bool(score.meta["consistent"]) for score in scores)
    p_value = statistics.sign_test(wins, [1 - value for value in wins])
    said = f"wins {counts[0]}, ties {counts[1]}, losses {counts[2]}; both orders agree in {consistent:.0%}"
    test = f"sign test p {p_value:.2g}, which is McNemar's of wins and losses"
    return [said, test, *([] if p_value < 0.05 else ["not shown: no winner"])]


def at_equal_length(wins: Sequence[float], gaps: Sequence[float], seed: int = 0) -> Estimate:
    """The win rate at equal length, with a percentile bootstrap interval over pairs."""
    values, lengths = np.asarray(wins, np.float64), np.asarray(gaps, np.float64)
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(values), (RESAMPLES, len(values)))
    all_of_them = np.arange(len(values))[None]
    (value,) = _equal_length_rates(values, lengths, all_of_them)
    low, high = np.quantile(_equal_length_rates(values, lengths, drawn), [0.025, 0.975])
    return Estimate(float(value), float(min(low, value)), float(max(high, value)), len(values))


def _equal_length_rates(wins: Floats, gaps: Floats, drawn: npt.NDArray[np.int64]) -> Floats:
    """drawn (R, N) → σ(θ) of each resample (R,): Newton's method on two coefficients, weakly held at 0."""
    deviation = gaps.std() or 1.0
    y, x = wins[drawn], np.tanh(gaps / deviation)[drawn]
    theta, phi = np.zeros(len(drawn)), np.zeros(len(drawn))
    ridge = 1e-3
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(theta[:, None] + phi[:, None] * x, -30, 30)))
        w = p * (1 - p)
        one, two = (y - p).sum(1) - ridge * theta, ((y - p) * x).sum(1) - ridge * phi
        a, b, d = w.sum(1) + ridge, (w * x).sum(1), (w * x * x).sum(1) + ridge
        determinant = a * d - b * b
        step, turn = (d * one - b * two) / determinant, (a * two - b * one) / determinant
        theta, phi = theta + np.clip(step, -2, 2), phi + np.clip(turn, -2, 2)
        if max(np.abs(step).max(), np.abs(turn).max()) < 1e-9:
            break
    found: Floats = 1 / (1 + np.exp(-np.clip(theta, -30, 30)))
    return found
