"""The steps `quality` and `agreement`: judged answers in, tables, or a judge beside people, out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dajeong.errors import UsageProblem
from dajeong.evaluation import quality as tables
from dajeong.evaluation.judged_files import Judged, Source, read, source_of
from dajeong.evaluation.meta_evaluation import meta_evaluation
from dajeong.evaluation.settings import AgreementSettings, JudgedFilesSettings, QualitySettings
from dajeong.records import Reply
from dajeong.workplace import Workplace


def quality(settings: QualitySettings, work: Workplace) -> None:
    """Writes `results`: every model's averages, and what sets the others apart from the reference."""
    judged = _judged("judged", settings.names, settings, work)
    work.write("results", tables.quality(judged, tables.known(judged, settings.reference)))


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
