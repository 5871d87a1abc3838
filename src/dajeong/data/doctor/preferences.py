"""What a preference set gives away without its prompts: artefact baselines, with intervals, as findings."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence

from dajeong import artefacts, statistics
from dajeong.artefacts import Comparison
from dajeong.data.doctor.finding import Baseline, Finding
from dajeong.records import Preference
from dajeong.statistics import Estimate

MAX_PREFERENCES = 2_000
"""More are not needed to see what a set gives away; drawn by a hash of their ids."""
NOTEWORTHY = 0.6
"""A judge of nothing but length, author or place that is right this often is worth a word."""
CODES = {
    "longer-wins": "length-tells",
    "shorter-wins": "length-tells",
    "author": "author-tells",
    "n-grams": "wording-tells",
}


class Sample:
    """At most `MAX_PREFERENCES` preferences of any number, the same ones in whatever order they come."""

    def __init__(self) -> None:
        self.seen = 0
        self._kept: list[tuple[int, int, Preference]] = []

    def see(self, preference: Preference) -> None:
        self.seen += 1
        drawn = hashlib.blake2b(preference.id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        entry = (-int.from_bytes(drawn, "big"), self.seen, preference)
        if len(self._kept) < MAX_PREFERENCES:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def preferences(self) -> list[Preference]:
        """In their old order."""
        return [preference for _, _, preference in sorted(self._kept, key=lambda entry: entry[1])]


def baselines(preferences: Sequence[Preference]) -> list[Baseline]:
    """Over all kinds, then of each: how often every baseline that applies prefers the better response."""
    pairs = artefacts.comparisons(preferences)
    if not pairs:
        return []
    outcomes = _outcomes(pairs)
    kinds = sorted({pair.kind for pair in pairs})
    scopes = [("", list(range(len(pairs))))]
    if len(kinds) > 1:
        scopes += [(kind, [i for i, pair in enumerate(pairs) if pair.kind == kind]) for kind in kinds]
    return [
        Baseline(name=name, kind=kind, **_estimate(pairs, won, rows)._asdict())
        for kind, rows in scopes
        for name, won in outcomes.items()
        if any(won[row] is not None for row in rows)
    ]


def _outcomes(pairs: Sequence[Comparison]) -> dict[str, list[float | None]]:
    """Baseline → outcome of every pair; None where it has nothing to say."""
    found: dict[str, list[float | None]] = {
        "longer-wins": [*artefacts.longer_wins(pairs)],
        "shorter-wins": [*artefacts.shorter_wins(pairs)],
        "n-grams": [*artefacts.cross_validated(artefacts.NGrams(pairs), pairs)],
    }
    if artefacts.names_authors(pairs):
        found["author"] = [*artefacts.cross_validated(artefacts.fit_authors, pairs)]
    if artefacts.knows_positions(pairs):
        first = artefacts.first_shown_wins(pairs)
        found["first-shown-wins"] = [
            None if pair.shown_first is None else won for pair, won in zip(pairs, first, strict=True)
        ]
    return found


def _estimate(pairs: Sequence[Comparison], won: Sequence[float | None], rows: Sequence[int]) -> Estimate:
    """Wilson's where every pair has a prompt of its own; else whole prompts are drawn."""
    known = [(pairs[row].prompt, outcome) for row in rows if (outcome := won[row]) is not None]
    prompts, outcomes = [prompt for prompt, _ in known], [outcome for _, outcome in known]
    if len(set(prompts)) == len(prompts) or len(set(prompts)) < 2:
        return statistics.wilson(sum(outcomes), len(outcomes))
    return statistics.mean(outcomes, num_resamples=2_000, clusters=prompts)


def findings(found: Sequence[Baseline]) -> Iterator[Finding]:
    """A warning for every judge of appearances that is clearly better than chance; the best of each code."""
    told = [each for each in found if each.low > 0.5 and each.value >= NOTEWORTHY and each.name in CODES]
    best: dict[str, Baseline] = {}
    for each in told:
        kept = best.setdefault(CODES[each.name], each)
        if each.value > kept.value:
            best[CODES[each.name]] = each
    yield from (_finding(code, each) for code, each in best.items())
    for each in found:
        if each.name == "first-shown-wins" and not each.kind and not each.low <= 0.5 <= each.high:
            yield _finding("position-tells", each)


def _finding(code: str, baseline: Baseline) -> Finding:
    return Finding(
        code=code,
        severity="warning",
        count=round(baseline.value * baseline.n),
        of=baseline.n,
        parameters={
            "judge": baseline.name,
            "kind": baseline.kind or "*",
            "value": f"{baseline.value:.2f}",
            "low": f"{baseline.low:.2f}",
            "high": f"{baseline.high:.2f}",
        },
    )
