"""What the figures allow to be said: better, worse, no difference shown, above its baselines or not.

Decides by intervals only; never by a value alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from dajeong.data.seen import is_spoiled
from dajeong.records import Result
from dajeong.report.markup import Html, joined, tag
from dajeong.report.read import Figures
from dajeong.report.words import BASELINES, METRICS, asking, both, named, task_named
from dajeong.statistics import FEW

Direction = Literal["better", "worse", "changed", "unclear"]

Distances = dict[tuple[str, str], Result]
"""(model, task) → paired difference from the best baseline."""

MAX_UNCLEAR = 4
"""Longer lists of what shows no difference are folded; what got worse never is."""

_DIRECTIONS: tuple[Direction, ...] = get_args(Direction)

HIGHER_IS_BETTER = frozenset(
    {
        "correct",
        "correct_among_friendly",
        "friendly",
        "harmless",
        "proper",
        "true_refusal",
        "told_apart",
        "balanced_accuracy",
        "accuracy",
        "acc_norm",
        "macro_f1",
    }
)
LOWER_IS_BETTER = frozenset({"false_refusal", "false_refusal_whole"})

_NOT_ABOVE, _ABOVE = "not above its baselines", "above its baselines"
"""How a row's notes say it. The words of the first hold those of the second."""


def direction(row: Result) -> Direction:
    """Of a paired difference `model − versus`; few items, or learned ones, show none."""
    if row.n < FEW or is_spoiled(row.notes):
        return "unclear"
    if row.value is None or row.ci_low is None or row.ci_high is None or row.ci_low <= 0 <= row.ci_high:
        return "unclear"
    if row.metric in HIGHER_IS_BETTER:
        return "better" if row.value > 0 else "worse"
    if row.metric in LOWER_IS_BETTER:
        return "better" if row.value < 0 else "worse"
    return "changed"


def above_baselines(row: Result) -> bool:
    """The row's own notes decide; without them, the lower bound must lie above every baseline."""
    if _ABOVE in row.notes:
        return _NOT_ABOVE not in row.notes
    return bool(row.baselines) and row.ci_low is not None and row.ci_low > max(row.baselines.values())


def differences(rows: Iterable[Result]) -> list[Result]:
    """Of models on the same prompts; a reward model's distance from a baseline is not one."""
    return [row for row in rows if row.versus is not None and not _is_reward(row)]


def against_baselines(rows: Iterable[Result]) -> list[Result]:
    return [row for row in rows if row.versus is None and (row.baselines or _is_reward(row))]


def distances(rows: Iterable[Result]) -> Distances:
    """(model, task) → how far a reward model is from its best baseline, on the same pairs."""
    return {(row.model, row.task): row for row in rows if row.versus is not None and _is_reward(row)}


def plain_figures(rows: Iterable[Result]) -> list[Result]:
    return [row for row in rows if row.versus is None and not row.baselines and not _is_reward(row)]


def _is_reward(row: Result) -> bool:
    """An accuracy; what lies behind it (margins, probes…) are plain figures."""
    return row.metric == "accuracy" and row.task.partition("/")[0] == "reward"


def verdict(figures: Sequence[Figures]) -> Html:
    """The headline: counts first, then each pair of models, then each reward model."""
    compared = [Figures(step, tuple(headline(differences(rows)))) for step, rows in figures]
    compared = [each for each in compared if each.rows]
    rewards = [Figures(step, rows) for step, rows in figures if against_baselines(rows)]
    return joined(
        _count(compared) if compared or not rewards else "",
        *(_pair(step, rows) for step, all_rows in compared for rows in _by_pair(all_rows)),
        *(_reward(step, rows) for step, all_rows in rewards for rows in _by_model(all_rows)),
    )


def headline(rows: Sequence[Result]) -> list[Result]:
    """One decoding only, the first in the results: the same prompts must not be counted twice."""
    return [row for row in rows if row.decoding == rows[0].decoding]


def _count(compared: Sequence[Figures]) -> Html:
    rows = [row for each in compared for row in each.rows]
    if not rows:
        return tag("p", both("no-comparison"), class_="headline")
    counts = {name: sum(direction(row) == name for row in rows) for name in _DIRECTIONS}
    drawn = Html(", ".join(asking(name) for name in dict.fromkeys(row.decoding for row in rows) if name))
    return joined(
        tag("p", both("count", total=len(rows), **counts), class_="headline"),
        tag(
            "p",
            both("headline-decoding", decoding=drawn) if drawn else "",
            " ",
            both("chance"),
            class_="quiet",
        ),
    )


def _by_pair(rows: Iterable[Result]) -> list[list[Result]]:
    groups: dict[tuple[str, str | None], list[Result]] = {}
    for row in rows:
        groups.setdefault((row.model, row.versus), []).append(row)
    return list(groups.values())


def _by_model(rows: Iterable[Result]) -> list[list[Result]]:
    groups: dict[str, list[Result]] = {}
    for row in rows:
        if _is_reward(row) or row.baselines:
            groups.setdefault(row.model, []).append(row)
    return list(groups.values())


def of_step(step: str) -> Html:
    return tag("small", " · ", both("step"), " ", tag("bdi", step)) if step else Html("")


def _pair(step: str, rows: Sequence[Result]) -> Html:
    title = tag("h3", pair_of(rows[0]), of_step(step))
    lists = (_list(name, [row for row in rows if direction(row) == name]) for name in _DIRECTIONS)
    return tag("section", title, *lists, class_="finding")


def pair_of(row: Result) -> Html:
    """`ppo − sft`, ways of asking in both languages."""
    return both("pair", model=asking(row.model), versus=asking(row.versus or ""))


def _list(name: Direction, rows: Sequence[Result]) -> Html:
    if not rows:
        return Html("")
    items = tag("ul", *(tag("li", _sentence(row)) for row in rows))
    title = tag("strong", both(f"{name}-list"), f" ({len(rows)})")
    if name == "unclear" and len(rows) > MAX_UNCLEAR:
        return tag("details", tag("summary", title, class_=name), items)
    return joined(tag("p", title, class_=name), items)


def _sentence(row: Result) -> Html:
    return joined(task_named(row.task), " · ", named(METRICS, row.metric), ": ", figure(row, signed=True))


def _reward(step: str, rows: Sequence[Result]) -> Html:
    """All pairs first, in one sentence; then the kinds on either side of their baselines."""
    far, shown = distances(rows), against_baselines(rows)
    overall = [row for row in shown if "/" not in row.task]
    above = [row for row in shown if "/" in row.task and above_baselines(row)]
    not_above = [row for row in shown if "/" in row.task and not above_baselines(row)]
    return tag(
        "section",
        tag("h3", both("reward-verdict"), ": ", tag("bdi", shown[0].model), of_step(step)),
        *(tag("p", _against(row, far), class_="headline") for row in overall),
        _kinds("above-list", "better", above, far),
        _kinds("not-above-list", "unclear", not_above, far),
        tag("p", both("artefact"), class_="quiet"),
        class_="finding",
    )


def _kinds(code: str, look: str, rows: Sequence[Result], far: Distances) -> Html:
    if not rows:
        return Html("")
    items = tag("ul", *(tag("li", _against(row, far)) for row in rows))
    return joined(tag("p", tag("strong", both(code)), class_=look), items)


def _against(row: Result, far: Distances) -> Html:
    said = tag("strong", against_words(row, far))
    return joined(task_named(row.task), ": ", figure(row), _best_baseline(row, far), " — ", said)


def against_words(row: Result, far: Distances) -> Html:
    """Above its baselines, not above them, or clearly below the best of them."""
    if above_baselines(row):
        return both("above")
    distance = far.get((row.model, row.task))
    below = distance is not None and distance.ci_high is not None and distance.ci_high < 0
    return joined(both("not-above"), joined(" (", both("below"), ")") if below else "")


def _best_baseline(row: Result, far: Distances) -> Html:
    if not row.baselines:
        return Html("")
    name, value = max(row.baselines.items(), key=lambda item: item[1])
    distance = far.get((row.model, row.task))
    beside = joined(", ", both("difference"), " ", figure(distance, signed=True)) if distance else ""
    return joined(" · ", both("best-baseline"), " ", named(BASELINES, name), " ", number(value), beside)


def figure(row: Result, signed: bool = False) -> Html:
    """value [low, high] n, and how many are missing: never one without the others."""
    value = both("no-value") if row.value is None else number(row.value, signed)
    missing = joined(" (", both("missing", missing=row.missing), ")") if row.missing else ""
    beside = joined(" ", interval(row, signed), " n ", f"{row.n:,}", missing)
    return tag("span", tag("b", value), beside, class_="figure")


def interval(row: Result, signed: bool = False) -> Html:
    if row.ci_low is None or row.ci_high is None:
        return joined("[", both("no-interval"), "]")
    return Html(f"[{number(row.ci_low, signed)}, {number(row.ci_high, signed)}]")


def number(value: float, signed: bool = False) -> Html:
    """Three decimals below 10; a true minus."""
    digits = 3 if abs(value) < 10 else 1
    return Html(f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "−"))
