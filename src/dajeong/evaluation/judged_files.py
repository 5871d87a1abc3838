"""Files of judged answers → one table a model: prompts, answers, a score for each criterion. Judges nothing.

A row is an answer; what is no text of it and holds numbers is a criterion. A score that is not there, cannot
be read or lies outside its scale is missing. VAIV kept unread judgements as 0; here they are missing too.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from dajeong.data.lines import read_rows
from dajeong.data.rows import Row
from dajeong.errors import DataProblem, UsageProblem
from dajeong.evaluation.judged_rows import is_long, widened
from dajeong.records import Reply

PROMPTS = ("instruction", "prompt", "question", "물음", "질문")
CONTEXTS = ("input", "context")
ANSWERS = ("output", "response", "answer", "content", "답변")
MODELS = ("model", "모델")
DECODINGS = ("decoding",)
KINDS = ("kind", "type")
IDENTITIES = ("reply_id",)
RATERS = ("rater", "annotator", "labelled_by", "scorer", "평가자")
PLACES = ("place", "position")
NO_CRITERIA = ("id", "index", "seed", "sample", "n")
"""Numbers that judge nothing."""

_SCALE = re.compile(r"\s*\(\s*(\d+)\s*[-–~]\s*(\d+)\s*\)\s*$")
_UNNAMED = re.compile(r"#\d+$|Unnamed: \d+$")
Scale = tuple[float, float]
Key = tuple[str, int]
"""A prompt, and how often it had come before in the same file."""


class Source(NamedTuple):
    """A file as it was named on the command line: `[MODEL[/KIND]=]FILE`."""

    path: Path
    model: str
    kind: str


class Answer(NamedTuple):
    text: str
    scores: Mapping[str, float | None]
    identity: str = ""
    """Id of the reply, where the file names it."""
    place: float | None = None
    """Where it stood among the answers that were shown together."""


class Judged(NamedTuple):
    """One model's judged answers of one kind. `averages` where the file held no answers, but their means."""

    model: str
    kind: str
    scales: Mapping[str, Scale]
    answers: Mapping[Key, Answer]
    decoding: str = ""
    averages: Mapping[str, float] | None = None
    unreadable: int = 0
    """Rows that could not be read at all."""
    rater: str = ""
    """Who judged, where the file names it."""

    def values(self, criterion: str) -> dict[Key, float]:
        found = {key: answer.scores.get(criterion) for key, answer in self.answers.items()}
        return {key: value for key, value in found.items() if value is not None}


def source_of(written: str) -> Source:
    """Raises UsageProblem where a name is given and nothing behind it."""
    name, equals, path = written.partition("=")
    if not equals or Path(written).exists():
        return Source(Path(written), Path(written).stem, "")
    model, _, kind = name.partition("/")
    if not model or not path:
        raise UsageProblem("judged-source", written=written)
    return Source(Path(path), model, kind)


def scale_of(written: str) -> Scale:
    """`1-5` → (1, 5). Raises UsageProblem."""
    found = re.fullmatch(r"\s*(\d+)\s*[-–~]\s*(\d+)\s*", written)
    if not found or float(found.group(1)) >= float(found.group(2)):
        raise UsageProblem("judged-scale", written=written)
    return float(found.group(1)), float(found.group(2))


def read(
    source: Source, scale: Scale, as_given: bool = False, replies: Mapping[str, Reply] | None = None
) -> list[Judged]:
    """The tables of a file: one, or one for each model, kind, decoding and rater that its rows name.

    `scale` is that of criteria whose column does not tell, as `자연스러움 (1 - 3)` does. Raises DataProblem
    where no column holds answers, or none a score. `as_given`: numbers outside the scale count as they stand,
    as in the published averages. `replies` gives the texts to scores that only name their reply.
    """
    rows = list(read_rows(source.path))
    values = [row.value for row in rows if isinstance(row, Row)]
    if not values:
        raise DataProblem("judged-nothing", path=source.path)
    told: Mapping[str, Scale] = {}
    if is_long(values):
        values, told = widened(values, replies or {})
    columns = list(dict.fromkeys(str(name) for value in values for name in value))
    scales = {**_criteria(source.path, columns, values, scale), **told}
    groups: dict[tuple[str, str, str, str], list[Mapping[str, Any]]] = {}
    for value in values:
        model = str(_first(value, MODELS) or source.model)
        kind = str(source.kind or _first(value, KINDS) or "")
        who = str(_first(value, DECODINGS) or ""), str(_first(value, RATERS) or "")
        groups.setdefault((model, kind, *who), []).append(value)
    if not any(name.lower() in (*PROMPTS, *ANSWERS, *IDENTITIES) for name in columns):
        return [_averaged(source, model, kind, some, scales) for (model, kind, *_), some in groups.items()]
    _check_texts(source.path, columns)
    unreadable = len(rows) - len([row for row in rows if isinstance(row, Row)])
    found = [
        Judged(model, kind, scales, _answers(some, scales, as_given), decoding, rater=rater)
        for (model, kind, decoding, rater), some in groups.items()
    ]
    return [found[0]._replace(unreadable=unreadable), *found[1:]]


def _criteria(
    path: Path, columns: Sequence[str], values: Sequence[Mapping[str, Any]], scale: Scale
) -> dict[str, Scale]:
    """Column → its scale. One without a name must be a table's index: nobody knows what else it judges."""
    found: dict[str, Scale] = {}
    for column in columns:
        cells = [value.get(column) for value in values]
        if _UNNAMED.fullmatch(column):
            if not _counts(cells):
                raise DataProblem("judged-unnamed", path=path, column=column, columns=", ".join(columns))
        elif column.lower() not in _TEXTS and (told := _SCALE.search(column)):
            found[column] = (float(told.group(1)), float(told.group(2)))
        elif column.lower() not in _TEXTS and any(_number(cell) is not None for cell in cells):
            found[column] = scale
    if not found:
        raise DataProblem("judged-no-criteria", path=path, columns=", ".join(columns))
    return found


def _counts(cells: Sequence[Any]) -> bool:
    """Whether they are whole numbers that only grow, or all the same: what the index of a table is."""
    numbers = [_number(cell) for cell in cells if _present(cell)]
    known = [number for number in numbers if number is not None and number == int(number)]
    grow = all(one < other for one, other in pairwise(known))
    return len(known) == len(numbers) and (grow or len(set(known)) == 1)


_TEXTS = {
    *(*PROMPTS, *CONTEXTS, *ANSWERS, *MODELS, *DECODINGS, *KINDS),
    *(*IDENTITIES, *RATERS, *PLACES, *NO_CRITERIA),
}


def _check_texts(path: Path, columns: Sequence[str]) -> None:
    """Without a prompt nothing can be compared, without an answer nothing was judged."""
    known = {column.lower() for column in columns}
    if known & set(IDENTITIES):
        return
    for names in (PROMPTS, ANSWERS):
        if not known & set(names):
            raise DataProblem(
                "judged-columns", path=path, wanted=", ".join(names), columns=", ".join(columns)
            )


def name_of(column: str) -> str:
    """The criterion without the scale behind it."""
    return _SCALE.sub("", column)


def _answers(
    rows: Sequence[Mapping[str, Any]], scales: Mapping[str, Scale], as_given: bool
) -> dict[Key, Answer]:
    times: Counter[str] = Counter()
    found = {}
    for row in rows:
        texts = (_first(row, PROMPTS), _first(row, CONTEXTS))
        prompt = "\n\n".join(str(each).strip() for each in texts if each)
        scores = {
            column: _kept(_number(row.get(column)), (-math.inf, math.inf) if as_given else scale)
            for column, scale in scales.items()
        }
        identity, place = str(_first(row, IDENTITIES) or ""), _number(_first(row, PLACES))
        prompt = prompt or identity
        found[prompt, times[prompt]] = Answer(str(_first(row, ANSWERS) or ""), scores, identity, place)
        times[prompt] += 1
    return found


def _kept(value: float | None, scale: Scale) -> float | None:
    return value if value is not None and scale[0] <= value <= scale[1] else None


def _averaged(
    source: Source, model: str, kind: str, rows: Sequence[Mapping[str, Any]], scales: Mapping[str, Scale]
) -> Judged:
    """A table of averages, as papers print them: a row a model, and nothing to draw an interval from."""
    if len(rows) > 1 or not _first(rows[0], MODELS):
        raise DataProblem(
            "judged-columns",
            path=source.path,
            wanted=", ".join((*PROMPTS, *ANSWERS)),
            columns=", ".join(map(str, rows[0])),
        )
    averages = {column: value for column in scales if (value := _number(rows[0].get(column))) is not None}
    return Judged(model, kind, scales, {}, averages=averages)


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    folded = {str(name).lower(): value for name, value in row.items()}
    return next((folded[name] for name in names if _present(folded.get(name))), None)


def _present(cell: Any) -> bool:
    return cell is not None and str(cell).strip() != ""


def _number(cell: Any) -> float | None:
    """A cell as a number; None where it is none."""
    if isinstance(cell, bool) or not _present(cell):
        return None
    try:
        value = float(str(cell))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
