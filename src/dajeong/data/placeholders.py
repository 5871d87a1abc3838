"""What stands where a corpus was made anonymous, replaced by invented words with fitting particles."""

from __future__ import annotations

import hashlib
import re

from dajeong.data.particles import followed_by

_KINDS = (
    r"name|company-name|affiliation|address|account(?:-num)?|card(?:-num)?|tel(?:-num)?|phone(?:-num)?"
    r"|social-security-num|online-account|email|num|others?"
)
MARK = re.compile(
    rf"&(?P<masked>[a-z][a-z-]*?)(?P<masked_number>\d*)&(?P<masked_tail>[가-힣]*)"
    rf"|(?<![0-9A-Za-z_-])(?P<bare>{_KINDS})(?P<number>\d*)(?![0-9A-Za-z_-])(?P<tail>[가-힣]*)"
)
"""`&name1&` of the written form, `name1` of the spoken one, with the syllables that hang on it."""

_WORDS: dict[str, tuple[str, ...]] = {
    "name": ("지우", "민준", "서연", "하람", "도윤", "수아", "은별", "예준", "다온", "유나", "한결", "소라"),
    "company-name": ("하늘상사", "다온식품", "새봄전자", "누리건설", "푸른물산", "가람출판"),
    "affiliation": ("누리모임", "다솜학교", "한빛동아리", "가온연구실"),
    "address": ("솔빛동", "가람시", "다솔읍", "새내마을"),
}
_NEUTRAL = {
    "account": "계좌번호",
    "card": "카드 번호",
    "tel": "전화번호",
    "phone": "전화번호",
    "social-security": "주민등록번호",
    "online-account": "아이디",
    "email": "전자우편 주소",
    "num": "번호",
}
_UNCLEAR = re.compile(r"\(\((?P<guess>[^()]*)\)\)|(?<![0-9A-Za-z])x{1,4}(?![0-9A-Za-z])|&x+&")
_CUT_OFF = re.compile(r"(?<=[가-힣])-(?=\s|$)|(?<!\S)-(?=[가-힣])|-(?P<cut>[가-힣~]+)-")


def has_placeholder(text: str) -> bool:
    return bool(MARK.search(text))


class Names:
    """The invented words of one dialogue: the same placeholder is the same word all through it."""

    def __init__(self, dialogue_id: str) -> None:
        self._id = dialogue_id
        self._chosen: dict[tuple[str, str], str] = {}
        self._used: dict[str, int] = {}

    def replaced(self, text: str) -> str:
        """The text with a word for every placeholder."""
        return MARK.sub(self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        kind = found["masked"] or found["bare"]
        number = found["masked_number"] or found["number"] or ""
        tail = found["masked_tail"] or found["tail"] or ""
        kind = kind.rstrip("-").removesuffix("-num") or "num"
        word = self._chosen.setdefault((kind, number), self._new(kind, number))
        return followed_by(word, tail, is_name=kind == "name")

    def _new(self, kind: str, number: str) -> str:
        if (kind, number) in self._chosen:
            return self._chosen[kind, number]
        words = _WORDS.get(kind)
        if words is None:
            return _NEUTRAL.get(kind, "그것")
        used = self._used[kind] = self._used.get(kind, -1) + 1
        start = hashlib.blake2b(f"{self._id}\x1f{kind}".encode(), digest_size=2).digest()
        word = words[(int.from_bytes(start, "big") + used) % len(words)]
        return word if used < len(words) else f"{word}{used // len(words) + 1}"


def without_transcript_marks(text: str) -> str:
    """Without a transcript's marks: `(())` and `x` unheard, `((말))` guessed, `-` a cut word."""
    text = _UNCLEAR.sub(lambda found: found["guess"] or "", text)
    text = _CUT_OFF.sub(lambda found: found["cut"] or "", text)
    return re.sub(r"[^\S\n]{2,}", " ", text).strip()


_DRAWLED = re.compile(r"(?<![가-힣])(?:아|어|그|음|으음|저|에|막|뭐)(?:~+|…|\.{2,}),?\s*")
_HUMMED = re.compile(r"(?<!\S)(?:어+|음+)[,.…]*\s+(?=\S)")


def without_fillers(text: str) -> str:
    """Without "어~", "그~" and a bare "음": sounds a speaker makes while thinking."""
    return re.sub(r"[^\S\n]{2,}", " ", _HUMMED.sub("", _DRAWLED.sub("", text))).strip()
