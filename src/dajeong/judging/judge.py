"""The step `judge`: replies in, scores and their figures out. Knows neither wording nor statistics.

What a service has answered is kept in the run's `remote.sqlite`, what a local model has read in chunks: a
killed step pays for nothing twice and ends with the same bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from dajeong.data import seen
from dajeong.data.either import either_in
from dajeong.errors import UsageProblem
from dajeong.judging.chunks import CHUNK, chunks, forget, kept
from dajeong.judging.geval_service import ServiceJudge, asked_by
from dajeong.judging.judge_figures import figures
from dajeong.judging.judge_report import report
from dajeong.judging.legacy_judge import LegacyJudge, shown_by
from dajeong.judging.scorer import Scorer
from dajeong.judging.settings import JudgedBy, JudgeSettings
from dajeong.records import Reply, Score
from dajeong.remote.client import Client, priced
from dajeong.remote.prices import NOTHING, Estimate
from dajeong.workplace import Workplace

CACHE = "remote.sqlite"


def run(settings: JudgeSettings, work: Workplace) -> None:
    """Writes `scores`, `results` and stats.json. Raises QualityProblem above `max_missing`."""
    replies = work.records("replies", Reply)[: settings.max_records]
    spent = 0.0
    with contextlib.ExitStack() as stack:
        if settings.service is None:
            judge: Scorer = _local(settings, work)
            scores = kept(judge.score, replies, work)
        else:
            check_alone(settings, work)
            client = stack.enter_context(Client(settings.service, work.run / CACHE, work.progress))
            judge = (
                LegacyJudge(client, settings.legacy) if settings.legacy else ServiceJudge(client, settings)
            )
            scores = list(_judged(judge, replies, len(replies) if settings.legacy else CHUNK, work))
            spent = client.spent
    work.write("scores", scores)
    work.write("results", figures(replies, scores, learned_by(replies, work)))
    forget(work)
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


def learned_by(replies: Sequence[Reply], work: Workplace) -> str:
    """How many of the prompts stand in the step's `train`."""
    return seen.learned((reply.prompt for reply in replies), either_in(work.inputs.get("train", ())))


def check_alone(settings: JudgedBy, work: Workplace) -> None:
    """Raises UsageProblem where a local model is named beside the service."""
    if settings.service is not None and work.inputs.get("judge"):
        raise UsageProblem("judge-who", step=work.name, method=settings.service.model)


def _local(settings: JudgeSettings, work: Workplace) -> Scorer:
    if not work.inputs.get("judge") or settings.method != "exact" or settings.legacy:
        raise UsageProblem("judge-who", step=work.name, method=settings.legacy or settings.method)
    from dajeong.judging.geval_local import LocalJudge
    from dajeong.judging.reading_local import LocalReader

    least, tokens = settings.min_valid_mass, settings.tokens_per_forward
    reader = LocalReader(work.model("judge"), settings.runtime, least, tokens)
    return LocalJudge(reader, settings.chosen())


def _judged(judge: Scorer, replies: Sequence[Reply], size: int, work: Workplace) -> Iterator[Score]:
    for some in chunks(replies, size):
        work.check_stop()
        yield from judge.score(some)
