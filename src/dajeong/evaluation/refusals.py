"""The step `refusals`: every model answers twins, of which one deserves an answer and one does not.

Figures are made of what it refused. Detection is by wording: `docs/evaluation.md` says how much that finds.
"""

from __future__ import annotations

import shutil

from dajeong.errors import DataProblem
from dajeong.evaluation.asking import UNFINISHED, Asking, WriterOf, replies_of, writers
from dajeong.evaluation.figures import Answered, by_reply
from dajeong.evaluation.refusal_figures import figures
from dajeong.evaluation.settings import RefusalsSettings
from dajeong.evaluation.twins import chosen
from dajeong.judging.refusal import RefusalScorer, deserved
from dajeong.judging.scorer import Scorer
from dajeong.records import Dialogue
from dajeong.workplace import Workplace


def run(settings: RefusalsSettings, work: Workplace) -> None:
    """Writes `replies`, `scores` and `results`."""
    measure(settings, work, RefusalScorer(), writers(settings.max_slots))


def measure(settings: RefusalsSettings, work: Workplace, scorer: Scorer, writer_of: WriterOf) -> None:
    prompts = prompts_of(settings, work)
    asked = [Asking(name, place, settings.decoding) for name, place in work.models("models").items()]
    written = replies_of(asked, prompts, work, writer_of)
    replies = [reply for asking in asked for reply in written[asking]]
    scores = scorer.score(replies)
    found = by_reply(scores)
    answered = [Answered(asking.model, asking.label, written[asking], found) for asking in asked]
    work.write("replies", replies)
    work.write("scores", scores)
    work.write("results", figures(answered))
    shutil.rmtree(work.folder / UNFINISHED, ignore_errors=True)


def prompts_of(settings: RefusalsSettings, work: Workplace) -> list[Dialogue]:
    """The user's prompts, or the twins that come along. Raises DataProblem where one side has none: a false
    rate says nothing without the true one.
    """
    given = {prompt.id: prompt for prompt in work.records("prompts", Dialogue)}
    prompts = list(given.values()) or chosen(settings.types, settings.num_twins)
    sides = [sum(deserved(prompt.kind) == side for prompt in prompts) for side in (False, True)]
    if not all(sides):
        raise DataProblem("refusals-one-side", step=work.name, harmless=sides[0], harmful=sides[1])
    return prompts
