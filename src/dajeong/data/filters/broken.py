"""Broken text: decomposed Hangul and mojibake are repaired and counted, what cannot be repaired is named.

Mojibake is repaired where it is unambiguous: a run of characters whose bytes, in cp1252 or latin-1, are UTF-8
that holds Hangul. UTF-8 read as CP949 loses bytes on the way; of it only U+FFFD is seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from dajeong.data.clean import answers_of, is_empty, prompt_of, with_texts
from dajeong.data.filters.filter import texts_of
from dajeong.data.filters.settings import TextSettings
from dajeong.records import Record

_CP1252 = {bytes([byte]).decode("cp1252", "ignore") or chr(byte): byte for byte in range(0x80, 0x100)}
"""Character → byte; the five bytes that cp1252 leaves out stand for themselves, as browsers read them."""
_HIGH = "".join(map(re.escape, dict.fromkeys([*_CP1252, *map(chr, range(0x80, 0x100))])))
_RUN = re.compile(f"[{_HIGH}][{_HIGH} ]*[{_HIGH}]|[{_HIGH}]")
_TELLTALE = re.compile(f"[ìëíê][{_HIGH}]{{2}}")
"""What the three bytes of a Hangul syllable look like."""
_WESTERN = re.compile("[\xb0-\xf4]")
"""Every misread syllable begins with one of these; Korean text has none of them."""
_CP949_RUN = re.compile(r"(?:[\xb0-\xc8][\xa1-\xfe]){3,}")
_HANGUL = re.compile("[가-힣]")
_LONE_JAMO = re.compile(r"[ㄱ-ㅎㅏ-ㅣ]")
_LAUGHTER = re.compile(r"[ㅋㅎㅠㅜㅡㅗㅇㄷㄴㄱ]{2,}|[ㅋㅎㅠㅜ]")
MIN_HANGUL = 6
"""Fewer jamo and syllables than this say nothing about a text."""


class BrokenText:
    def __init__(self, settings: TextSettings) -> None:
        self._settings = settings

    def repaired(self, record: Record, changes: Counter[str]) -> Record:
        if all(text.isascii() or unicodedata.is_normalized("NFC", text) for text in texts_of(record)):
            composed = record
        else:
            composed = with_texts(record, lambda text, _: unicodedata.normalize("NFC", text))
            changes["nfc"] += 1
        if not self._settings.repair_mojibake or not any(map(looks_misread, texts_of(composed))):
            return composed
        mended = with_texts(composed, lambda text, _: reread(text))
        changes["mojibake"] += mended != composed
        return mended

    def why_not(self, record: Record) -> str | None:
        texts = texts_of(record)
        if any(is_empty(message.content) for message in prompt_of(record) if message.role == "user"):
            return "empty-prompt"
        if any(map(is_empty, answers_of(record))):
            return "empty-answer"
        if any(map(looks_misread, texts)):
            return "mojibake"
        replaced = sum(text.count("\ufffd") for text in texts)
        if replaced > self._settings.max_replaced:
            return f"replacement-characters: {replaced} > {self._settings.max_replaced}"
        share = max(map(jamo_share, answers_of(record)), default=0.0)
        return (
            f"lone-jamo: {share:.2f} > {self._settings.max_jamo}" if share > self._settings.max_jamo else None
        )


def reread(text: str) -> str:
    """The text with what is UTF-8 misread as cp1252 or latin-1 turned back, if any of that is Hangul."""
    if not any(_HANGUL.search(_decoded(run)) for run in _RUN.findall(text)):
        return text
    return unicodedata.normalize("NFC", _RUN.sub(lambda run: _decoded(run.group()), text))


def _decoded(run: str) -> str:
    """What the run's bytes say in UTF-8; the run itself where they are none."""
    try:
        return bytes(_CP1252.get(character, ord(character)) for character in run).decode("utf-8")
    except UnicodeDecodeError:
        return run


def looks_misread(text: str) -> bool:
    """Whether Hangul bytes read in a Western encoding stand in it: UTF-8 twice, or CP949 and no Hangul."""
    if not _WESTERN.search(text):
        return False
    if len(_TELLTALE.findall(text)) >= 2:
        return True
    return bool(_CP949_RUN.search(text)) and not _HANGUL.search(text)


def jamo_share(text: str) -> float:
    """Lone jamo over all Hangul, laughter and tears left out; 0 where there is hardly any Hangul."""
    lone = len(_LONE_JAMO.findall(_LAUGHTER.sub("", text))) if _LONE_JAMO.search(text) else 0
    if not lone:
        return 0.0
    total = lone + len(_HANGUL.findall(text))
    return lone / total if total >= MIN_HANGUL else 0.0
