"""The step `judge`: replies in, scores and their figures out. Knows neither wording nor statistics.

What a service has answered is kept in the run's `remote.sqlite`, what a local model has read in chunks: a
killed step pays for nothing twice and ends with the same bytes.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence

from dajeong.errors import UsageProblem
from dajeong.judging.geval_service import ServiceJudge, asked_by
from dajeong.judging.judge_figures import figures
from dajeong.judging.judge_report import report
from dajeong.judging.legacy_judge import LegacyJudge, shown_by
from dajeong.judging.scorer import Scorer
from dajeong.judging.settings import JudgeSettings
from dajeong.records import Reply, Score
from dajeong.remote.client import Client, priced
from dajeong.remote.prices import NOTHING, Estimate
from dajeong.storage import read_records, write_records
from dajeong.workplace import Workplace

CACHE = "remote.sqlite"
CHUNK = 128
"""Replies judged before they are put on the disk; fixed, so that the same ones are always read together."""
UNFINISHED = "unfinished"


def run(settings: JudgeSettings, work: Workplace) -> None:
    """Writes `scores`, `results` and stats.json. Raises QualityProblem above `max_missing`."""
    replies = work.records("replies", Reply)[: settings.max_records]
    spent = 0.0
    with contextlib.ExitStack() as stack:
        if settings.service is None:
            judge: Scorer = _local(settings, work)
            scores = list(_kept(judge, replies, work))
        else:
            client = stack.enter_context(Client(settings.service, work.run / CACHE, work.progress))
            judge = (
                LegacyJudge(client, settings.legacy) if settings.legacy else ServiceJudge(client, settings)
            )
            scores = list(_judged(judge, replies, len(replies) if settings.legacy else CHUNK, work))
            spent = client.spent
    work.write("scores", scores)
    work.write("results", figures(replies, scores))
    shutil.rmtree(work.folder / UNFINISHED, ignore_errors=True)
    rubric = scores[0].meta["rubric"] if scores else ""
    report(work, scores, spent, settings.max_missing, rubric=rubric)


def estimate(settings: JudgeSettings, work: Workplace) -> Estimate:
    """What the service will cost; a model of one's own costs no money."""
    if settings.service is None:
        return NOTHING
    replies = work.records("replies", Reply)[: settings.max_records]
    if settings.legacy:
        asked = (each.request for each in shown_by(replies, settings.legacy) if each.request is not None)
        return priced(settings.service, work.run / CACHE, asked)
    return priced(settings.service, work.run / CACHE, asked_by(replies, settings))


def _local(settings: JudgeSettings, work: Workplace) -> Scorer:
    if not work.inputs.get("judge") or settings.method != "exact" or settings.legacy:
        raise UsageProblem("judge-who", step=work.name, method=settings.legacy or settings.method)
    from dajeong.judging.geval_local import LocalJudge
    from dajeong.judging.reading_local import LocalReader

    least, tokens = settings.min_valid_mass, settings.tokens_per_forward
    reader = LocalReader(work.model("judge"), settings.runtime, least, tokens)
    return LocalJudge(reader, settings.chosen())


def _judged(judge: Scorer, replies: Sequence[Reply], size: int, work: Workplace) -> Iterator[Score]:
    for some in _chunks(replies, size):
        work.check_stop()
        yield from judge.score(some)


def _chunks(replies: Sequence[Reply], size: int) -> Iterator[Sequence[Reply]]:
    return (replies[start : start + size] for start in range(0, len(replies), max(1, size)))


def _kept(judge: Scorer, replies: Sequence[Reply], work: Workplace) -> Iterator[Score]:
    """Chunk by chunk, each on the disk before the next."""
    with work.progress.bar("judging", len(replies)) as bar:
        for number, some in enumerate(_chunks(replies, CHUNK)):
            file = work.folder / UNFINISHED / f"{number:05d}.jsonl"
            if not file.is_file():
                work.check_stop()
                write_records(file, judge.score(some))
            yield from read_records(file, Score)
            bar.advance(len(some))
