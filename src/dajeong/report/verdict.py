"""What the figures allow to be said: better, worse, no difference shown, above its baselines or not.

Decides by intervals only; never by a value alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from dajeong.records import Result
from dajeong.report.markup import Html, joined, tag
from dajeong.report.words import METRICS, TASKS, both, named

Direction = Literal["better", "worse", "changed", "unclear"]

HIGHER_IS_BETTER = frozenset(
    {"correct", "correct_among_friendly", "friendly", "harmless", "true_refusal", "accuracy", "macro_f1"}
)
LOWER_IS_BETTER = frozenset({"false_refusal"})

_NOT_ABOVE = ("not above its baselines", "기준선보다 낫지 않음")


def direction(row: Result) -> Direction:
    """Of a paired difference `model − versus`."""
    if row.value is None or row.ci_low is None or row.ci_high is None or row.ci_low <= 0 <= row.ci_high:
        return "unclear"
    if row.metric in HIGHER_IS_BETTER:
        return "better" if row.value > 0 else "worse"
    if row.metric in LOWER_IS_BETTER:
        return "better" if row.value < 0 else "worse"
    return "changed"


def above_baselines(row: Result) -> bool:
    """The row's own notes decide; without them, the lower bound must lie above every baseline."""
    if any(words in row.notes for words in _NOT_ABOVE):
        return False
    return bool(row.baselines) and row.ci_low is not None and row.ci_low > max(row.baselines.values())


def differences(results: Iterable[Result]) -> list[Result]:
    return [row for row in results if row.versus is not None]


def against_baselines(results: Iterable[Result]) -> list[Result]:
    return [row for row in results if row.versus is None and (row.baselines or _is_reward(row))]


def plain_figures(results: Iterable[Result]) -> list[Result]:
    return [row for row in results if row.versus is None and not row.baselines and not _is_reward(row)]


def _is_reward(row: Result) -> bool:
    return row.task == "reward" or row.task.startswith("reward/")


def verdict(results: Sequence[Result]) -> Html:
    """The headline: counts first, then each pair of models, then each reward model."""
    compared, rewards = headline(differences(results)), against_baselines(results)
    return joined(
        _count(compared) if compared or not rewards else "",
        *(_pair(model, versus, rows) for (model, versus), rows in _by_pair(compared).items()),
        *(_reward(model, rows) for model, rows in _by_model(rewards).items()),
    )


def headline(rows: Sequence[Result]) -> list[Result]:
    """One decoding only, the first in the results: the same reply must not be counted twice.

    Rows without a decoding compare reward models with their baselines; these have a section of their own.
    """
    first = next((row.decoding for row in rows if row.decoding), "")
    return [row for row in rows if row.decoding == first]


def _count(rows: Sequence[Result]) -> Html:
    if not rows:
        return tag("p", both("no-comparison"), class_="headline")
    counts = {name: sum(direction(row) == name for row in rows) for name in ("better", "worse", "unclear")}
    drawn = both("headline-decoding", decoding=rows[0].decoding) if rows[0].decoding else ""
    return joined(
        tag("p", both("count", total=len(rows), **counts), class_="headline"),
        tag("p", drawn, " ", both("chance"), class_="quiet"),
    )


def _by_pair(rows: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for row in rows:
        groups.setdefault((row.model, row.versus or ""), []).append(row)
    return groups


def _by_model(rows: Iterable[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for row in rows:
        groups.setdefault(row.model, []).append(row)
    return groups


def _pair(model: str, versus: str, rows: Sequence[Result]) -> Html:
    lists = (
        _list(name, [row for row in rows if direction(row) == name])
        for name in ("better", "worse", "changed", "unclear")
    )
    return tag("section", tag("h3", both("pair", model=model, versus=versus)), *lists, class_="finding")


def _list(name: Direction, rows: Sequence[Result]) -> Html:
    if not rows:
        return Html("")
    items = tag("ul", *(tag("li", _sentence(row)) for row in rows))
    return joined(tag("p", tag("strong", both(f"{name}-list")), class_=name), items)


def _sentence(row: Result) -> Html:
    return joined(named(TASKS, row.task), " · ", named(METRICS, row.metric), ": ", figure(row, signed=True))


def _reward(model: str, rows: Sequence[Result]) -> Html:
    """All pairs first, in one sentence; then the kinds on either side of their baselines."""
    overall = [row for row in rows if "/" not in row.task]
    kinds = [row for row in rows if "/" in row.task]
    return tag(
        "section",
        tag("h3", both("reward-verdict"), ": ", tag("bdi", model)),
        *(tag("p", _against(row), class_="headline") for row in overall),
        _kinds("above-list", "better", [row for row in kinds if above_baselines(row)]),
        _kinds("not-above-list", "unclear", [row for row in kinds if not above_baselines(row)]),
        tag("p", both("artefact"), class_="quiet"),
        class_="finding",
    )


def _kinds(code: str, look: str, rows: Sequence[Result]) -> Html:
    if not rows:
        return Html("")
    items = tag("ul", *(tag("li", _against(row)) for row in rows))
    return joined(tag("p", tag("strong", both(code)), class_=look), items)


def _against(row: Result) -> Html:
    said = tag("strong", against_words(row))
    return joined(named(TASKS, row.task), ": ", figure(row), _best_baseline(row), " — ", said)


def against_words(row: Result) -> Html:
    """Above its baselines, not above them, or clearly below one of them."""
    if above_baselines(row):
        return both("above")
    below = row.ci_high is not None and row.ci_high < max(row.baselines.values(), default=0.0)
    return joined(both("not-above"), joined(" (", both("below"), ")") if below else "")


def _best_baseline(row: Result) -> Html:
    if not row.baselines:
        return Html("")
    name, value = max(row.baselines.items(), key=lambda item: item[1])
    return joined(" · ", both("best-baseline"), " ", tag("bdi", name), " ", number(value))


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
