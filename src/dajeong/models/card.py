"""The card of a model: facts in, Markdown with a YAML head out. Opens no file and loads no weights.

Whose texts a model learned from is counted by source and licence and handed from model to model; the
strictest word stands first. No text of a record enters a card, and the names that do cannot act as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import yaml

Word = Literal["non-commercial", "unknown", "stated"]

WORDS: dict[Word, str] = {
    "non-commercial": "at least one source does not allow commercial use. "
    "상업적으로 쓸 수 없는 자료로 배웠습니다.",
    "unknown": "the terms of at least one source, or of the base, are not known. "
    "조건을 알 수 없는 자료나 기반 모델이 있습니다.",
    "stated": "every source and the base state their terms. 모든 자료와 기반 모델의 조건이 밝혀져 있습니다.",
}
"""Strictest first."""

MAX_ROWS, MAX_NAME = 60, 160

_NON_COMMERCIAL = re.compile(
    r"\bnc\b|non[-_ ]?commercial|research[-_ ]only|비상업|비영리|상업적 이용 (금지|불가)", re.IGNORECASE
)
_UNKNOWN = re.compile(r"^$|^(unknown|unstated|none|other)\b|own terms|미상|모름", re.IGNORECASE)
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#|!~&$])")
_HEAD = re.compile(r"\A---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)


class Origin(NamedTuple):
    """Records of one source under one licence, and the step that learned from them."""

    step: str
    given: str
    """The step's input that they came in by: `data`, `prompts`…"""
    source: str
    licence: str
    num_records: int


class CardFacts(NamedTuple):
    name: str
    """What the recipe calls the model."""
    kind: str
    """Kind of the step that made it."""
    role: str
    base: str | None
    """Name of the base it belongs to; None where it is one itself."""
    base_licence: str
    """As the base states it; the empty string where it does not, or where its own sources are counted."""
    base_counted: bool
    """Whether the base was made in the run, so that its sources are among the origins."""
    origins: Sequence[Origin]
    template: str | None
    seed: int
    settings: Mapping[str, Any]
    versions: Mapping[str, str]


def word_of(licence: str) -> Word:
    """How strict a licence is, told from its name; what is not understood counts as stated."""
    if _NON_COMMERCIAL.search(licence):
        return "non-commercial"
    return "unknown" if _UNKNOWN.search(licence.strip()) else "stated"


def card(facts: CardFacts) -> str:
    """The whole README.md; the same facts give the same bytes."""
    origins = _gathered(facts.origins)
    word = _strictest(facts, origins)
    head = yaml.safe_dump(_head(facts, origins, word), allow_unicode=True, sort_keys=False, width=1000)
    body = "\n".join([*_opening(facts, word), *_rows(origins), *_making(facts)])
    return f"---\n{head}---\n\n{body}\n"


def head_of(text: str) -> dict[str, Any]:
    """The YAML head of any model card; empty where it has none. Raises yaml.YAMLError."""
    found = _HEAD.match(text.replace("\r\n", "\n"))
    head = yaml.safe_load(found[1]) if found else {}
    return head if isinstance(head, dict) else {}


def origins_in(text: str) -> list[Origin]:
    """What a card of ours says its model learned from; empty for any other card."""
    rows = _readable(text).get("origins")
    return [Origin(**row) for row in rows if _is_origin(row)] if isinstance(rows, list) else []


def licence_in(text: str) -> str:
    """The licence that a card states; the empty string where it states none."""
    head = _readable(text)
    named = head.get("license_name") if head.get("license") == "other" else head.get("license")
    return named if isinstance(named, str) else ""


def _readable(text: str) -> dict[str, Any]:
    """The head, as far as it can be read: a card is a hint, and no reason to stop a training."""
    try:
        return head_of(text)
    except (yaml.YAMLError, RecursionError):
        return {}


def _is_origin(row: object) -> bool:
    return (
        isinstance(row, dict)
        and row.keys() == set(Origin._fields)
        and all(isinstance(row[key], int if key == "num_records" else str) for key in row)
    )


def _gathered(origins: Iterable[Origin]) -> list[Origin]:
    """Each once, strictest first; beyond MAX_ROWS the rest is summed under its word, so that none is lost."""
    plain = [_plain(origin) for origin in origins]
    unique = sorted(dict.fromkeys(plain), key=lambda o: (_rank(word_of(o.licence)), -o.num_records, o))
    rest: dict[tuple[str, str, Word], int] = {}
    for origin in unique[MAX_ROWS:]:
        key = (origin.step, origin.given, word_of(origin.licence))
        rest[key] = rest.get(key, 0) + origin.num_records
    summed = (Origin(step, given, "other sources", word, n) for (step, given, word), n in rest.items())
    return [*unique[:MAX_ROWS], *summed]


def _plain(origin: Origin) -> Origin:
    step, given, source, licence = map(one_line, (origin.step, origin.given, origin.source, origin.licence))
    return Origin(step, given, source, licence, origin.num_records)


def _rank(word: Word) -> int:
    return list(WORDS).index(word)


def _strictest(facts: CardFacts, origins: Sequence[Origin]) -> Word:
    words = [word_of(origin.licence) for origin in origins]
    if facts.base is not None and not facts.base_counted:
        words.append(word_of(facts.base_licence))
    return min(words, key=_rank, default="unknown")


def _head(facts: CardFacts, origins: Sequence[Origin], word: Word) -> dict[str, Any]:
    licences = {origin.licence.lower() for origin in origins}
    if facts.base is not None and not facts.base_counted:
        licences.add(facts.base_licence.lower())
    single = word == "stated" and len(licences) == 1
    licence = {"license": licences.pop()} if single else {"license": "other", "license_name": word}
    based = {} if facts.base is None else {"base_model": one_line(facts.base)}
    scores = facts.role == "reward"
    return {
        **licence,
        **based,
        "library_name": "transformers" if facts.role == "base" else "peft",
        "pipeline_tag": "text-classification" if scores else "text-generation",
        "language": ["ko"],
        "tags": ["dajeong", facts.kind, f"role-{facts.role}"],
        "datasets": sorted({origin.source for origin in origins if origin.source}),
        "origins": [origin._asdict() for origin in origins],
    }


def _opening(facts: CardFacts, word: Word) -> list[str]:
    terms = "its sources are counted below"
    if not facts.base_counted:
        terms = f"its licence: {named(facts.base_licence) or 'unknown'}"
    base = (
        "none, its weights were made in this run" if facts.base is None else f"{named(facts.base)}; {terms}"
    )
    return [
        f"# {named(facts.name)}",
        "",
        f"A model of the step `{facts.kind}` of dajeong, role `{facts.role}`, on the way to a Korean chat "
        "model. Its figures, with their intervals, are in the run's `report.html` and `results.json`.",
        "",
        "## Licence · 이용 조건",
        "",
        f"**{word}**: {WORDS[word]}",
        "",
        f"- base: {base}",
        "- what these words mean for a model that learned from the texts is for you to settle",
        "",
    ]


def _rows(origins: Sequence[Origin]) -> list[str]:
    if not origins:
        return ["No record was learned from.", ""]
    lines = ["| learned in | as | source | licence | records |", "|---|---|---|---|---|"]
    for o in origins:
        licence = named(o.licence) or "unknown"
        cells = [named(o.step), named(o.given), named(o.source) or "unknown", licence, str(o.num_records)]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _making(facts: CardFacts) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    settings = yaml.safe_dump(dict(facts.settings), allow_unicode=True, sort_keys=False, width=1000)
    return [
        "## How it was made · 만든 방법",
        "",
        f"- template: {named(facts.template) if facts.template else 'plain text'}",
        f"- seed: {facts.seed}",
        f"- versions: {versions}",
        "",
        "Settings of the step, every default written out:",
        "",
        *(
            f"    {_seen(line)}" for line in settings.splitlines()
        ),  # an indented block cannot be closed from inside
    ]


def one_line(name: str) -> str:
    """A name on one line, no longer than a name may be; what cannot be seen is spelled out."""
    seen = _seen(" ".join(name.split()))
    return seen if len(seen) <= MAX_NAME else seen[: MAX_NAME - 1] + "…"


def _seen(line: str) -> str:
    return "".join(c if c.isprintable() else f"⟨U+{ord(c):04X}⟩" for c in line)


def named(name: str) -> str:
    """A name as Markdown text that means nothing but itself."""
    return _MARKUP.sub(r"\\\1", one_line(name))
