"""AIHub 558 텍스트 윤리검증: sentences judged immoral, and harmless ones, as prompts. Reads no file.

A row is a talkset `{id, sentences: […]}`, a whole file `{talksets: […]}`, or a line of the raw text files.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from dajeong.data.particles import followed_by
from dajeong.data.readers.fields import RawRow, asked, list_of, text_of, wrong_type
from dajeong.data.rows import Bad, Left
from dajeong.records import Dialogue, Frozen, Record, content_id

TYPES = frozenset(["CENSURE", "HATE", "DISCRIMINATION", "SEXUAL", "ABUSE", "VIOLENCE", "CRIME"])
HARMLESS = "IMMORAL_NONE"

_MASK = re.compile(r"#@(?P<what>[^#]*)#(?P<tail>[가-힣]*)")
_NOUNS = (
    ("장소", "그곳"),
    ("지역", "그곳"),
    ("기관", "그곳"),
    ("주소", "그곳"),
    ("소속", "그곳"),
    ("이모티콘", ""),
)
_PEOPLE = (("여성", "그 여자"), ("남성", "그 남자"))


class AihubEthics(Frozen):
    """Which sentences become prompts: immoral ones `abusive`, with their labels; harmless ones `control`."""

    min_intensity: float = 1.0
    """Immoral sentences below it are left out: the mean of five votes of 0 to 3."""
    masks: Literal["replace", "keep", "drop"] = "replace"
    """`#@…#`: a neutral noun, as they are, or no such sentence."""

    def __call__(self, name: str, row: RawRow) -> list[Record | Left]:
        if "talksets" in row:
            talksets = list_of(row, "talksets")
            # one published document has this wrapper and votes of 1 to 5: no cut on a scale that is not known
            return [made for talkset in talksets for made in self._talkset(name, talkset, False)]
        if "sentences" in row:
            return self._talkset(name, row, True)
        return [self._line(name, text_of(row, "text"))]

    def _talkset(self, name: str, talkset: RawRow, scale_known: bool) -> list[Record | Left]:
        return [self._sentence(name, each, scale_known) for each in list_of(talkset, "sentences")]

    def _sentence(self, name: str, sentence: RawRow, scale_known: bool) -> Record | Left:
        text = text_of(sentence, "text", missing="") or text_of(sentence, "origin_text")
        labels, intensity = _labels(sentence), sentence.get("intensity")
        immoral = _flag(sentence.get("is_immoral", bool(set(labels) & TYPES)))
        if immoral != bool(set(labels) & TYPES):
            return Left("contradictory-labels", text)
        if immoral and scale_known and _number(intensity) < self.min_intensity:
            return Left("mild", text, chosen=True)
        meta = {"labels": labels, "intensity": intensity}
        identity = sentence.get("id")
        given = f"{name}:{identity}" if isinstance(identity, str | int) else content_id(name, text)
        return self._prompt(name, given, text, "abusive" if immoral else "control", meta)

    def _line(self, name: str, line: str) -> Record | Left:
        """`"text|types`: the first character is a quote; what follows the text differs by file."""
        text, *others = line.split("|")
        text = text[1:] if text[:1] in "\"'“" else text
        labels = [label for other in others for label in re.findall(r"[A-Z_]+", other)]
        known = [label for label in labels if label in TYPES or label == HARMLESS]
        kind = "abusive" if set(known) & TYPES else "control" if known else "unlabelled"
        return self._prompt(name, content_id(name, text), text, kind, {"labels": known})

    def _prompt(self, name: str, identity: str, text: str, kind: str, meta: dict[str, Any]) -> Record | Left:
        if self.masks == "drop" and _MASK.search(text):
            return Left("mask", text, chosen=True)
        if self.masks == "replace":
            text = without_masks(text)
        return Dialogue(id=identity, source=name, kind=kind, messages=(asked(text),), meta=meta)


def without_masks(text: str) -> str:
    """A neutral noun for each `#@인간및인간집단.인물.남성#`, its particle made to fit."""
    return re.sub(r"[^\S\n]{2,}", " ", _MASK.sub(_noun, text)).strip()


def _noun(found: re.Match[str]) -> str:
    what = found["what"]
    if not what or what.startswith(("인간", "인물", "이름")):
        noun = next((noun for end, noun in _PEOPLE if what.endswith(end)), "그 사람")
    else:
        noun = next((noun for part, noun in _NOUNS if part in what), "그것")
    return followed_by(noun, found["tail"]) if noun else found["tail"]


def _labels(sentence: RawRow) -> list[str]:
    labels = sentence.get("types")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise wrong_type("types", labels, "a list of labels")
    unknown = [label for label in labels if label not in TYPES and label != HARMLESS]
    if unknown or not labels:
        raise Bad(
            "row-label", label=", ".join(unknown)[:40] or "–", known=", ".join([*sorted(TYPES), HARMLESS])
        )
    return labels


def _flag(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise wrong_type("is_immoral", value, "true or false")
    return value


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as problem:
        raise wrong_type("intensity", value, "a number") from problem
