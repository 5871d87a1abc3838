"""The step `evaluate`: every model answers every prompt, rules score the replies, figures are made of that.

Models are asked with the same draws, so that comparisons are paired. Replies already on the disk are not
written again: what a reply says depends on the seed and its prompt, not on when it was written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dajeong.errors import DataProblem
from dajeong.evaluation.figures import Answered, by_reply, figures
from dajeong.evaluation.settings import EvaluateSettings
from dajeong.judging.rules import RuleScorer
from dajeong.judging.scorer import Scorer
from dajeong.records import Decoding, Dialogue, Reply
from dajeong.storage import read_records, write_records
from dajeong.templates import Block, InstructionTemplate, Template, find_template
from dajeong.workplace import Workplace

if TYPE_CHECKING:
    from dajeong.rollout.reply import Writer

UNFINISHED = "unfinished"
OWN_FORMAT = ", own format"


class Asking(NamedTuple):
    """One model asked every prompt in one way."""

    model: str
    reference: str
    decoding: Decoding
    template: Template | None = None
    """Null is the one saved with the model."""
    own_format: str = ""

    @property
    def label(self) -> str:
        return named(self.decoding) + (OWN_FORMAT if self.own_format else "")

    @property
    def author(self) -> str:
        return self.model + (OWN_FORMAT if self.own_format else "")


WriterOf = Callable[[str, Template | None], "Writer"]
"""(model reference, template or the model's own) → what writes its replies."""


def run(settings: EvaluateSettings, work: Workplace) -> None:
    """Writes `replies`, `scores` and `results`."""
    evaluate(settings, work, RuleScorer(), _writer_of(settings.max_slots))


def evaluate(settings: EvaluateSettings, work: Workplace, scorer: Scorer, writer_of: WriterOf) -> None:
    prompts = _prompts(settings, work)
    asked = askings(settings, work.models("models"))
    written = _replies(asked, prompts, work, writer_of)
    replies = [reply for asking in by_decoding(asked) for reply in written[asking]]
    scores = scorer.score(replies)
    found = by_reply(scores)
    answered = [
        Answered(
            model=asking.model,
            decoding=asking.label,
            replies=written[asking],
            scores=found,
            notes=f"asked as {asking.own_format!r}" if asking.own_format else "",
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


def named(decoding: Decoding) -> str:
    """How people call a decoding: `T 0.8`, `greedy`, `4 beams`."""
    if decoding.num_beams > 1:
        return f"{decoding.num_beams} beams"
    if decoding.temperature == 0:
        return "greedy"
    parts = [f"T {decoding.temperature:g}"]
    parts += [f"top-p {decoding.top_p:g}"] if decoding.top_p < 1 else []
    parts += [f"top-k {decoding.top_k}"] if decoding.top_k else []
    return " ".join(parts)


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


def _replies(
    asked: Sequence[Asking], prompts: Sequence[Dialogue], work: Workplace, writer_of: WriterOf
) -> dict[Asking, list[Reply]]:
    files = {asking: work.folder / UNFINISHED / f"{number:03d}.jsonl" for number, asking in enumerate(asked)}
    with work.progress.bar("evaluating-replies", len(asked) * len(prompts)) as bar:
        for asking, file in files.items():
            work.check_stop()
            if not file.is_file():
                _write(asking, prompts, work.seed, file, writer_of)
            bar.advance(len(prompts), note=f"{asking.author}, {named(asking.decoding)}")
    return {asking: list(read_records(file, Reply)) for asking, file in files.items()}


def _write(asking: Asking, prompts: Sequence[Dialogue], seed: int, file: Path, writer_of: WriterOf) -> None:
    writer = writer_of(asking.reference, asking.template)
    write_records(file, writer.replies(prompts, asking.decoding, seed, asking.author))


def _writer_of(max_slots: int) -> WriterOf:
    """Keeps the model loaded last: the next asking is most often of the same."""
    from dajeong.models.load import ChatModel, load_chat
    from dajeong.rollout.native import NativeEngine
    from dajeong.rollout.reply import Writer

    loaded: dict[str, ChatModel] = {}

    def writer_of(reference: str, template: Template | None) -> Writer:
        if reference not in loaded:
            loaded.clear()  # let go of one model before the next is loaded
            loaded[reference] = load_chat(reference)
        chat = loaded[reference]
        return Writer(
            chat if template is None else chat._replace(template=template),
            NativeEngine(chat.model, max_slots),
        )

    return writer_of
