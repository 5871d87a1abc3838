"""AIHub 558 텍스트 윤리검증: sentences judged immoral, and harmless ones, as prompts. Reads no file.

A row is a talkset `{id, sentences: […]}`, a whole file `{talksets: […]}`, or a line of the raw text files: a
conversation, `{sentence|sentence|…}`.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from dajeong.data.particles import followed_by
from dajeong.data.readers.fields import RawRow, asked, identity, list_of, text_of, wrong_type
from dajeong.data.rows import Bad, Left
from dajeong.records import Dialogue, Frozen, Record, content_id

TYPES = frozenset(["CENSURE", "HATE", "DISCRIMINATION", "SEXUAL", "ABUSE", "VIOLENCE", "CRIME"])
HARMLESS = "IMMORAL_NONE"

_WORD = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣA-Za-z]")
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
            return [made for each in list_of(row, "talksets") for made in self._wrapped(name, each)]
        if "sentences" in row:
            return self._talkset(name, row, True)
        return [self._spoken(name, *each) for each in _sentences(text_of(row, "text"))]

    def _wrapped(self, name: str, talkset: RawRow) -> list[Record | Left]:
        """One of a whole file: what is wrong with it must not cost the others.

        The one published document with this wrapper has votes of 1 to 5: no cut on a scale that is not known.
        """
        try:
            return self._talkset(name, talkset, False)
        except Bad as bad:
            return [Left(bad.code, str(dict(talkset)))]

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
        given = identity(name, sentence, text)
        return self._prompt(name, given, text, "abusive" if immoral else "control", meta)

    def _spoken(self, name: str, text: str, labels: list[str]) -> Record | Left:
        """A sentence of the raw text: most files have no labels in them."""
        kind = "abusive" if set(labels) & TYPES else "control" if labels else "unlabelled"
        return self._prompt(name, content_id(name, text), text, kind, {"labels": labels})

    def _prompt(self, name: str, given: str, text: str, kind: str, meta: dict[str, Any]) -> Record | Left:
        if self.masks == "drop" and _MASK.search(text):
            return Left("mask", text, chosen=True)
        if self.masks == "replace":
            text = without_masks(text)
        return Dialogue(id=given, source=name, kind=kind, messages=(asked(text),), meta=meta)


def _sentences(line: str) -> list[tuple[str, list[str]]]:
    """Of a line of the raw text, each with its labels: `{sentence|sentence|…}`, or `"sentence|labels`."""
    line = line.strip()
    if line.startswith("{"):
        return [(part.strip(), []) for part in line[1:].removesuffix("}").split("|")]
    found: list[tuple[str, list[str]]] = []
    for part in line.strip("\"'“”").split("|"):
        labels = [label for label in re.findall(r"[A-Z_]+", part) if label in TYPES or label == HARMLESS]
        if found and (labels or not _WORD.search(part)):
            found[-1][1].extend(labels)
        else:
            found.append((part.strip(), []))
    return found


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
        number = float(value)
    except (TypeError, ValueError, OverflowError) as problem:
        raise wrong_type("intensity", value, "a number") from problem
    if not math.isfinite(number):
        raise wrong_type("intensity", value, "a finite number")
    return number
