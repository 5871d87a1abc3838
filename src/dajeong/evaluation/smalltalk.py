"""The step `evaluate`: every model answers every prompt, rules score the replies, figures are made of that.

Models are asked with the same draws, so that comparisons are paired.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

from dajeong.data import seen
from dajeong.data.either import either_in
from dajeong.errors import DataProblem
from dajeong.evaluation.asking import OWN_FORMAT, UNFINISHED, Asking, WriterOf, replies_of, writers
from dajeong.evaluation.figures import Answered, by_reply, figures
from dajeong.evaluation.settings import EvaluateSettings
from dajeong.judging.rules import RuleScorer
from dajeong.judging.scorer import Scorer
from dajeong.records import Decoding, Dialogue
from dajeong.templates import Block, InstructionTemplate, find_template
from dajeong.workplace import Workplace


def run(settings: EvaluateSettings, work: Workplace) -> None:
    """Writes `replies`, `scores` and `results`."""
    evaluate(settings, work, RuleScorer(), writers(settings.max_slots))


def evaluate(settings: EvaluateSettings, work: Workplace, scorer: Scorer, writer_of: WriterOf) -> None:
    prompts = _prompts(settings, work)
    asked = askings(settings, work.models("models"))
    written = replies_of(asked, prompts, work, writer_of)
    replies = [reply for asking in by_decoding(asked) for reply in written[asking]]
    scores = scorer.score(replies)
    found = by_reply(scores)
    learned = seen.learned((prompt.messages for prompt in prompts), either_in(work.inputs.get("train", ())))
    answered = [
        Answered(
            model=asking.model,
            decoding=asking.label,
            replies=written[asking],
            scores=found,
            notes="; ".join(filter(None, [asking.own_format and f"asked as {asking.own_format!r}", learned])),
        )
        for asking in by_decoding(asked)
    ]
    work.write("replies", replies)
    work.write("scores", scores)
    work.write("results", figures(settings.task, answered))
    shutil.rmtree(work.folder / UNFINISHED, ignore_errors=True)


def askings(settings: EvaluateSettings, models: dict[str, str]) -> list[Asking]:
    """Model by model, so that each is loaded once; the base is asked in its own format last."""
    decodings = [settings.decoding]
    greedy = Decoding(temperature=0, max_new_tokens=settings.decoding.max_new_tokens)
    if settings.greedy_too and greedy != settings.decoding:
        decodings.append(greedy)
    return [
        asking for name, reference in models.items() for asking in _of(settings, name, reference, decodings)
    ]


def _of(
    settings: EvaluateSettings, name: str, reference: str, decodings: Sequence[Decoding]
) -> Iterator[Asking]:
    is_base = name == settings.base
    template = find_template(settings.template) if is_base and settings.template else None
    for decoding in decodings:
        yield Asking(name, reference, decoding, template)
    if is_base and settings.base_format:
        for decoding in decodings:
            yield Asking(name, reference, decoding, own_template(settings.base_format), settings.base_format)


def own_template(text: str) -> InstructionTemplate:
    """`{prompt}` in a line of the base's own text."""
    block = Block(header="", turn=text.replace("{prompt}", "{instruction}"))
    return InstructionTemplate(name="own-format", without_context=block, with_context=block)


def by_decoding(asked: Sequence[Asking]) -> list[Asking]:
    """The headline decoding first, the base's own format last, models in the recipe's order."""
    labels = list(dict.fromkeys(asking.label for asking in asked))
    labels.sort(key=lambda label: label.endswith(OWN_FORMAT))
    return [asking for label in labels for asking in asked if asking.label == label]


def _prompts(settings: EvaluateSettings, work: Workplace) -> list[Dialogue]:
    distinct = {prompt.id: prompt for prompt in work.records("prompts", Dialogue)}
    if not distinct:
        raise DataProblem("no-prompts", step=work.name)
    return list(distinct.values())[: settings.max_prompts]
