"""The step `compare`: pairs of replies in, verdicts, win rates and preferences out. Knows no wording."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean

from dajeong.errors import DataProblem, UsageProblem
from dajeong.judging.chunks import chunks, forget, kept
from dajeong.judging.judge import CACHE, check_alone, learned_by
from dajeong.judging.judge_report import report
from dajeong.judging.pairwise import (
    LocalPairs,
    Pair,
    PairJudge,
    ServicePairs,
    compared,
    pairs_of,
    requests_of,
)
from dajeong.judging.settings import CompareSettings
from dajeong.judging.win_rates import win_rates
from dajeong.records import Preference, Reply, Response, Score, content_id
from dajeong.remote.client import Client, priced
from dajeong.remote.prices import NOTHING, Estimate
from dajeong.workplace import Workplace


def run(settings: CompareSettings, work: Workplace) -> None:
    """Writes `scores`, `preferences`, `results` and stats.json. Raises QualityProblem above `max_missing`."""
    pairs = _pairs(settings, work)
    spent = 0.0
    with contextlib.ExitStack() as stack:
        if settings.service is None:
            scores = kept(partial(compared, _local(settings, work)), pairs, work)
        else:
            check_alone(settings, work)
            client = stack.enter_context(Client(settings.service, work.run / CACHE, work.progress))
            scores = list(_compared(ServicePairs(client, settings), pairs, work))
            spent = client.spent
    work.write("scores", scores)
    work.write("preferences", preferences(pairs, scores))
    learned = learned_by([pair.reply for pair in pairs], work)
    work.write("results", win_rates(pairs, scores, learned))
    forget(work)
    known = [score for score in scores if score.value is not None]
    agreed = round(fmean(bool(score.meta["consistent"]) for score in known), 4) if known else None
    report(work, scores, spent, settings.max_missing, both_orders_agree=agreed)


def estimate(settings: CompareSettings, work: Workplace) -> Estimate:
    """What the service will cost; a model of one's own costs no money."""
    if settings.service is None:
        return NOTHING
    shown = [each for one, other in _pairs(settings, work) for each in ((one, other), (other, one))]
    return priced(settings.service, work.run / CACHE, requests_of(shown, settings))


def _pairs(settings: CompareSettings, work: Workplace) -> list[Pair]:
    replies = work.records("replies", Reply)
    pairs = pairs_of(replies, settings)
    if not pairs:
        authors = ", ".join(dict.fromkeys(reply.author for reply in replies))
        raise DataProblem("compare-none", step=work.name, authors=authors)
    return pairs


def _local(settings: CompareSettings, work: Workplace) -> PairJudge:
    if not work.inputs.get("judge"):
        raise UsageProblem("judge-who", step=work.name, method=settings.method)
    from dajeong.judging.reading_local import LocalReader

    least, tokens = settings.min_valid_mass, settings.tokens_per_forward
    return LocalPairs(LocalReader(work.model("judge"), settings.runtime, least, tokens), settings)


def _compared(judge: PairJudge, pairs: Sequence[Pair], work: Workplace) -> Iterator[Score]:
    for some in chunks(pairs):
        work.check_stop()
        yield from compared(judge, some)


def preferences(pairs: Sequence[Pair], scores: Sequence[Score]) -> Iterator[Preference]:
    """The pairs that have a winner, the winner first."""
    for (reply, other), score in zip(pairs, scores, strict=True):
        if score.value not in (0.0, 1.0):
            continue
        best, worst = (reply, other) if score.value else (other, reply)
        yield Preference(
            id=content_id("compared", best.id, worst.id),
            source=reply.source,
            licence=reply.licence,
            kind=reply.kind,
            meta=reply.meta,
            prompt=reply.prompt,
            responses=tuple(Response(content=each.content, author=each.author) for each in (best, worst)),
            ranking=((0,), (1,)),
            labelled_by=score.scorer,
        )
