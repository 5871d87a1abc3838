"""The steps `quality` and `agreement`: judged answers in, tables, or a judge beside people, out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dajeong.errors import UsageProblem
from dajeong.evaluation import quality as tables
from dajeong.evaluation.judged_files import Answer, Judged, Source, name_of, read, source_of
from dajeong.evaluation.meta_evaluation import meta_evaluation
from dajeong.evaluation.settings import AgreementSettings, JudgedFilesSettings, QualitySettings
from dajeong.records import Message, Reply, Score, content_id
from dajeong.workplace import Workplace


def quality(settings: QualitySettings, work: Workplace) -> None:
    """Writes `results`: every model's averages, and what sets the others apart from the reference. Answers
    that came from outside of the run become `replies` and `scores`, for the report.
    """
    judged = _judged("judged", settings.names, settings, work)
    keep([] if work.inputs.get("replies") else judged, work)
    work.write("results", tables.quality(judged, tables.known(judged, settings.reference)))


def keep(judged: Sequence[Judged], work: Workplace) -> None:
    """Judged answers as records, each text once."""
    work.write("replies", {each.id: each for table in judged for each, _ in _replies(table)}.values())
    scores = (
        score
        for table in judged
        for reply, answer in _replies(table)
        for score in _scores(reply, answer, table)
    )
    work.write("scores", scores)


def _replies(table: Judged) -> Iterator[tuple[Reply, Answer]]:
    for (prompt, times), answer in table.answers.items():
        if not answer.text:
            continue
        place = f"{times}" if times else ""
        reply = Reply(
            id=answer.identity
            or content_id("judged", table.model, table.decoding, prompt, place, answer.text),
            kind=table.kind,
            prompt_id=content_id("prompt", prompt, place),
            prompt=(Message(role="user", content=prompt),),
            content=answer.text,
            author=f"{table.model}, {table.decoding}" if table.decoding else table.model,
        )
        yield reply, answer


def _scores(reply: Reply, answer: Answer, table: Judged) -> Iterator[Score]:
    for column, value in answer.scores.items():
        yield Score(
            id=f"{reply.id}/{table.rater}/{column}",
            kind=reply.kind,
            meta={"scale": list(table.scales[column])},
            reply_id=reply.id,
            scorer=table.rater or "given",
            criterion=name_of(column),
            value=value,
            reason=None if value is not None else "no score, or none on its scale",
            method="given",
        )


def agreement(settings: AgreementSettings, work: Workplace) -> None:
    """Writes `results`: how far the judge's scores and people's go together, criterion by criterion."""
    judged = _judged("judge", (), settings, work)
    humans = [each._replace(rater=each.rater or each.model) for each in _judged("humans", (), settings, work)]
    name = settings.name or next((each.rater for each in judged if each.rater), judged[0].model)
    work.write("results", meta_evaluation(name, judged, humans))


def _judged(
    field: str, names: tuple[str, ...], settings: JudgedFilesSettings, work: Workplace
) -> list[Judged]:
    """The tables of an input's files; `names` are those of `[MODEL[/KIND]=]FILE` on the command line."""
    files = [Path(file) for file in work.inputs[field]]
    if names and len(names) != len(files):
        raise UsageProblem("judged-names", step=work.name, names=len(names), files=len(files))
    written = [source_of(f"{name}={file}") for name, file in zip(names, files, strict=True)] if names else []
    sources = written or [Source(file, file.stem, "") for file in files]
    known: Mapping[str, Reply] = {reply.id: reply for reply in work.records("replies", Reply)}
    return [each for source in sources for each in read(source, settings.scale, settings.as_given, known)]
