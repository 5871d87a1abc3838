"""The step `rank`: judged replies, or whose they are, become preferences. Judges nothing and trains nothing.

VAIV's rule for its first reward model is one setting of it: sums of criteria, without ties and without
prompts whose answers are all poor. What is left out is counted in the journal and stats.json.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dajeong.errors import DataProblem
from dajeong.preference.ranking import by_prompt, by_reply, grouped, ranked, taken_apart
from dajeong.preference.settings import RankSettings
from dajeong.records import Preference, Reply, Score
from dajeong.storage import write_json
from dajeong.workplace import Workplace

Counts = Counter[str]


def run(settings: RankSettings, work: Workplace) -> None:
    """Writes `preferences` and stats.json. Raises DataProblem if none is left, or two judges mix."""
    counts: Counts = Counter()
    replies = _usable(work.records("replies", Reply), settings, counts)
    if settings.authors:
        found = by_authors(replies, settings, counts)
    else:
        scores = work.records("scores", Score)
        wanted = [score for score in scores if not settings.criteria or score.criterion in settings.criteria]
        _check_one_judge(wanted, work.name)
        found = by_scores(replies, wanted, settings, counts)
    if settings.pairs:
        found = [pair for record in found for pair in taken_apart(record)]
    found = weighed(found) if settings.weights == "gap" else found
    found = softened(found, settings.soft_ties) if settings.soft_ties else found
    if not found:
        raise DataProblem("rank-none", step=work.name, counts=listed(counts))
    work.write("preferences", found)
    _report(work, found, counts)


def _usable(replies: Sequence[Reply], settings: RankSettings, counts: Counts) -> list[Reply]:
    counts["replies"] = len(replies)
    if settings.unfinished == "keep":
        return list(replies)
    finished = [reply for reply in replies if reply.stop_reason not in ("length", "cancelled")]
    counts["unfinished-replies"] = len(replies) - len(finished)
    return finished


def by_scores(
    replies: Sequence[Reply], scores: Sequence[Score], settings: RankSettings, counts: Counts
) -> list[Preference]:
    """One record a prompt: replies in the order of the sum of their criteria."""
    table = by_reply(scores)
    labelled_by = labeller(scores)
    found: list[Preference] = []
    for group in by_prompt(replies, counts):
        judged = [reply for reply in group if _is_judged(table.get(reply.id, {}), settings.criteria)]
        counts["unjudged-replies"] += len(group) - len(judged)
        sums = [sum(value for value in table[reply.id].values() if value is not None) for reply in judged]
        rule = left_out(sums, settings)
        if rule is None:
            found.append(ranked(judged, sums, table, labelled_by, grouped(sums, settings.margin)))
        else:
            counts[rule] += 1
    counts["ranked-prompts"] = len(found)
    return found


def left_out(sums: Sequence[float], settings: RankSettings) -> str | None:
    """Why the replies to a prompt make no preference; None where they do."""
    if len(sums) < 2:
        return "lone-prompts"
    if len(grouped(sums, settings.margin)) < 2:
        return "tied-prompts"
    if settings.floor is not None and max(sums) < settings.floor:
        return "poor-prompts"
    return None


def _is_judged(scores: Mapping[str, float | None], criteria: Sequence[str]) -> bool:
    """Whether no score is missing: a sum of fewer criteria would look worse than it is."""
    return bool(scores) and None not in scores.values() and set(criteria) <= set(scores)


def by_authors(replies: Sequence[Reply], settings: RankSettings, counts: Counts) -> list[Preference]:
    """One record a prompt: replies in the order of their authors that the recipe gives."""
    found: list[Preference] = []
    for group in by_prompt(replies, counts):
        order = settings.authors.get(group[0].kind, settings.authors.get("", ()))
        known = [reply for reply in group if reply.author in order]
        counts["other-authors"] += len(group) - len(known)
        places = [float(-order.index(reply.author)) for reply in known]
        if len(set(places)) < 2:
            counts["lone-prompts"] += 1
        else:
            found.append(ranked(known, places, {}, f"rule:{'>'.join(order)}"))
    counts["ranked-prompts"] = len(found)
    return found


def weighed(records: Sequence[Preference]) -> list[Preference]:
    """Each record with the gap between its best and its worst as weight, 1 on average."""
    gaps = [_gap(record) for record in records]
    mean = sum(gaps) / len(gaps) if gaps else 1.0
    return [
        record.model_copy(update={"weight": gap / mean}) for record, gap in zip(records, gaps, strict=True)
    ]


def softened(records: Sequence[Preference], soft_ties: float) -> list[Preference]:
    """Each record with weight 1, or less where its best and its worst nearly tie."""
    return [record.model_copy(update={"weight": min(1.0, _gap(record) / soft_ties)}) for record in records]


def _gap(record: Preference) -> float:
    sums = [sum(response.scores.values()) for response in record.responses]
    return max(sums) - min(sums)


def labeller(scores: Sequence[Score]) -> str:
    """Who judged, as `labelled_by` has it."""
    names = sorted({score.scorer for score in scores})
    name = names[0] if names else ""
    return name if name.partition(":")[0] in ("judge", "human", "rule") else f"rule:{name}"


def _check_one_judge(scores: Sequence[Score], step: str) -> None:
    """A criterion judged in two ways has no one order."""
    how = {(score.scorer, score.method, score.settings_hash) for score in scores}
    if len(how) > 1:
        named = "; ".join(sorted(f"{scorer}, {method}, {digest}" for scorer, method, digest in how))
        raise DataProblem("rank-mixed", step=step, judges=named)


def _report(work: Workplace, records: Sequence[Preference], counts: Counts) -> None:
    stats: dict[str, Any] = {
        "records": len(records),
        "pairs": sum(len(record.pairs()) for record in records),
        "by_kind": dict(sorted(Counter(record.kind for record in records).items())),
        "labelled_by": sorted({record.labelled_by for record in records}),
        **{name: count for name, count in sorted(counts.items()) if count},
    }
    write_json(work.folder / "stats.json", stats)
    journal = work.journal()
    journal.write("note", rank=stats)
    journal.close()
    work.progress.say("pairs-done", step=work.name, records=len(records), counts=listed(counts))


def listed(counts: Counts) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "0"
