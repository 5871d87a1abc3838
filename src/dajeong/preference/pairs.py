"""The step that makes preferences: replies ranked by the rule judge, and contrasts as given. Trains nothing.

What is left out (cut-off replies, ties, repeats, surplus lengths) is counted in the journal and stats.json.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from dajeong.errors import DataProblem
from dajeong.preference.ranking import by_prompt, by_reply, ranked, taken_apart, totals
from dajeong.preference.settings import PairsSettings
from dajeong.records import Preference, Reply
from dajeong.storage import write_json
from dajeong.workplace import Workplace


def run(settings: PairsSettings, work: Workplace) -> None:
    """Writes `pairs` and stats.json. Raises DataProblem if no pair is left."""
    counts: Counter[str] = Counter()
    own = rankings(work.records("replies", Reply), settings, counts)
    if settings.balance_lengths:
        own = balanced(own, settings.seed, counts)
    contrasts = distinct(work.records("contrasts", Preference), counts)
    counts["contrasts"] = len(contrasts)
    own, contrasts = (
        drawn(records, limit, settings.seed)
        for records, limit in ((own, settings.max_ranked), (contrasts, settings.max_contrasts))
    )
    records = shuffled(distinct([*own, *contrasts], counts), settings.seed)
    if not records:
        raise DataProblem("pairs-none", step=work.name, counts=_listed(counts))
    work.write("pairs", records)
    _report(work, records, counts)


def rankings(replies: Sequence[Reply], settings: PairsSettings, counts: Counter[str]) -> list[Preference]:
    """One record a prompt, where its replies are not all of one rank."""
    from dajeong.judging.rules import RuleScorer

    counts["replies"] = len(replies)
    usable = _usable(replies, settings, counts)
    scorer = RuleScorer()
    scores = by_reply(scorer.score(usable))
    found: list[Preference] = []
    for group in by_prompt(usable, counts):
        values = totals(group, scores, settings.criteria)
        if values is None or len(group) < 2:
            counts["unscored-prompts" if values is None else "lone-replies"] += 1
        elif len(set(values)) < 2:
            counts["tied-prompts"] += 1
        else:
            found.append(ranked(group, values, scores, f"rule:{scorer.name}"))
    counts["ranked-prompts"] = len(found)
    return found


def _usable(replies: Sequence[Reply], settings: PairsSettings, counts: Counter[str]) -> list[Reply]:
    if settings.unfinished == "keep":
        return list(replies)
    finished = [reply for reply in replies if reply.stop_reason not in ("length", "cancelled")]
    counts["unfinished-replies"] = len(replies) - len(finished)
    return finished


def balanced(records: Sequence[Preference], seed: int, counts: Counter[str]) -> list[Preference]:
    """Pairs in which, for every kind, the longer reply is as often the better as the worse one.

    Lengths are characters; pairs of equal length take no side and all stay.
    """
    sides: defaultdict[tuple[str, int], list[Preference]] = defaultdict(list)
    pairs = [pair for record in records for pair in taken_apart(record)]
    for pair in pairs:
        sides[(pair.kind, _longer_wins(pair))].append(pair)
    kept: list[Preference] = []
    for kind in sorted({kind for kind, _ in sides}):
        limit = min(len(sides[(kind, 1)]), len(sides[(kind, -1)]))
        kept += [*sides[(kind, 0)]]
        kept += [*drawn(sides[(kind, 1)], limit, seed), *drawn(sides[(kind, -1)], limit, seed)]
    counts["pairs"] = len(pairs)
    counts["surplus-lengths"] = len(pairs) - len(kept)
    return kept


def _longer_wins(pair: Preference) -> int:
    """1 where the better reply is longer, -1 where it is shorter."""
    better, worse = pair.pairs()[0]
    gap = len(pair.responses[better].content) - len(pair.responses[worse].content)
    return (gap > 0) - (gap < 0)


def distinct(records: Iterable[Preference], counts: Counter[str]) -> list[Preference]:
    """Each ordered set of answers to a prompt once."""
    found: dict[tuple[object, ...], Preference] = {}
    for record in records:
        ranks = tuple(
            frozenset(record.responses[index].content for index in group) for group in record.ranking
        )
        counts["repeated-records"] += (record.prompt, ranks) in found
        found.setdefault((record.prompt, ranks), record)
    return list(found.values())


def shuffled(records: Iterable[Preference], seed: int) -> list[Preference]:
    """In an order drawn for each record by itself, so that one record more changes no other's place."""
    return sorted(records, key=lambda record: (_draw(seed, record.id), record.id))


def drawn(records: Sequence[Preference], limit: int | None, seed: int) -> list[Preference]:
    return list(records) if limit is None else shuffled(records, seed)[:limit]


def _draw(seed: int, identity: str) -> bytes:
    return hashlib.sha256(f"{seed}\x1f{identity}".encode()).digest()


def _report(work: Workplace, records: Sequence[Preference], counts: Counter[str]) -> None:
    sides = Counter(_longer_wins(pair) for record in records for pair in taken_apart(record))
    stats: dict[str, Any] = {
        "records": len(records),
        "by_kind": dict(sorted(Counter(record.kind for record in records).items())),
        "longer_wins": round(sides[1] / max(1, sides[1] + sides[-1]), 4),
        **{name: count for name, count in sorted(counts.items()) if count},
    }
    write_json(work.folder / "stats.json", stats)
    journal = work.journal()
    journal.write("note", pairs=stats)
    journal.close()
    work.progress.say("pairs-done", step=work.name, records=len(records), counts=_listed(counts))


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "0"
