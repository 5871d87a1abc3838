"""Finds Korean personal data in a text, and masks it or puts an invented one in its place. Knows no record.

Borders are "no Latin letter or digit beside it": Python's `\\b` sees none before a particle, and so misses
"010-1234-5678이에요". The most specific kind wins where two fit.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from dajeong.data.particles import followed_by

Mode = Literal["mask", "pseudonym"]


class Find(NamedTuple):
    start: int
    end: int
    kind: str
    text: str


class Kind(NamedTuple):
    pattern: re.Pattern[str]
    mask: str
    certain: Callable[[re.Match[str]], bool] = lambda match: True
    """Whether a match is what it looks like."""


def _pattern(body: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![0-9A-Za-z])(?:{body})(?![0-9A-Za-z])")


def _digits(text: str) -> list[int]:
    return [int(character) for character in text if character.isdigit()]


def _before(match: re.Match[str], length: int) -> str:
    return match.string[max(0, match.start() - length) : match.start()]


def _around(match: re.Match[str], length: int) -> str:
    return _before(match, length) + match.string[match.end() : match.end() + length]


def _is_resident(match: re.Match[str]) -> bool:
    """A day that was, in this century or the last. The checksum says nothing since October 2020."""
    digits = match.group()
    century = 1900 if digits[-7] in "1256" else 2000
    try:
        datetime.date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return False
    return True


def _is_card(match: re.Match[str]) -> bool:
    """Luhn's checksum, or the word before it."""
    digits = _digits(match.group())
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 or "카드" in _before(match, 10)


def _is_business(match: re.Match[str]) -> bool:
    """The tax office's checksum, or the word before it."""
    digits = _digits(match.group())
    total = sum(digit * weight for digit, weight in zip(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=False))
    return (10 - (total + digits[8] * 5 // 10) % 10) % 10 == digits[9] or "사업자" in _before(match, 15)


def _is_address(match: re.Match[str]) -> bool:
    """Four octets that are not a version."""
    octets = all(int(part) < 256 for part in match.group().split("."))
    return octets and not re.search(r"(?:버전|version|ver\.?|v)\s*$", _before(match, 10), re.IGNORECASE)


def _is_account(match: re.Match[str]) -> bool:
    """A word of banking near it, or a bank's name that is also another word right before it."""
    return bool(re.search(_BANKING, _around(match, 15)) or re.search(_BANKS, _before(match, 5)))


def _is_plate(match: re.Match[str]) -> bool:
    """No sum of money (12조5000억); with a space inside, only where a vehicle is spoken of."""
    if re.match(r"\s?[억만천원]", match.string[match.end() :]):
        return False
    return " " not in match.group() or bool(re.search("차량|번호판", _before(match, 15)))


_BANKING = r"계좌|은행|입금|송금|이체|농협|신한|카카오뱅크|토스뱅크|새마을금고|우체국|신협|수협"
_BANKS = r"(?:국민|우리|하나|기업|카카오|토스|새마을)\s?$"
_PLATES = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주바사아자배하허호"

KINDS: dict[str, Kind] = {
    "email": Kind(
        _pattern(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"), "<이메일>"
    ),
    "resident": Kind(
        _pattern(r"\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[-\s]?[1-8]\d{6}"),
        "<주민등록번호>",
        _is_resident,
    ),
    "card": Kind(_pattern(r"\d{4}([-\s]?)\d{4}\1\d{4}\1\d{4}"), "<카드번호>", _is_card),
    "licence": Kind(_pattern(r"\d{2}-\d{2}-\d{6}-\d{2}"), "<운전면허번호>"),
    "mobile": Kind(_pattern(r"(?:\+82[-\s.]?0?|0)1[016789][-\s.]?\d{3,4}[-\s.]?\d{4}"), "<전화번호>"),
    "landline": Kind(
        _pattern(r"\(?(?:02|0[3-6]\d|070|050\d)(?:\)\s?|[-\s.])\d{3,4}[-\s.]\d{4}"), "<전화번호>"
    ),
    "business": Kind(_pattern(r"\d{3}-\d{2}-\d{5}"), "<사업자등록번호>", _is_business),
    "account": Kind(_pattern(r"\d{2,6}-\d{2,6}-\d{4,8}"), "<계좌번호>", _is_account),
    "passport": Kind(_pattern(r"[MSRODG]\d{8}|[MSRODG]\d{3}[A-Z]\d{4}"), "<여권번호>"),
    "vehicle": Kind(_pattern(rf"\d{{2,3}}[{_PLATES}]\s?\d{{4}}"), "<차량번호>", _is_plate),
    "ip": Kind(_pattern(r"(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\.\d)"), "<IP주소>", _is_address),
}
"""Name → what it looks like; the most specific first. Names of persons are in `names`."""

_SIGN = re.compile("[@0-9０-９]")
_MAYBE = re.compile(r"@|\d{4}|\d\.\d{1,3}\.\d")
"""Every kind has one of these; most texts have none, and many not even a digit, which is told sooner."""


def found_in(text: str, kinds: Sequence[str] = ()) -> list[Find]:
    """What stands in the text, in its order, nothing twice; `kinds` empty looks for all."""
    if not _SIGN.search(text) or not _MAYBE.search(text):
        return []
    finds: list[Find] = []
    for name, kind in KINDS.items():
        if not kinds or name in kinds:
            finds += (
                Find(*match.span(), name, match.group())
                for match in kind.pattern.finditer(text)
                if not _is_fraction(match) and kind.certain(match) and not _taken(match, finds)
            )
    return sorted(finds)


def _is_fraction(match: re.Match[str]) -> bool:
    """Digits behind a decimal point: every tenth number of 16 digits passes for a card."""
    return match.group().isdigit() and bool(re.search(r"\d[.,]\Z", _before(match, 2)))


def _taken(match: re.Match[str], finds: Sequence[Find]) -> bool:
    return any(match.start() < find.end and find.start < match.end() for find in finds)


def replaced(text: str, finds: Sequence[Find], mode: Mode, seed: int) -> str:
    """The text with every find masked, or with an invented one of the same form."""
    for find in sorted(finds, reverse=True):
        new = mask_of(find.kind) if mode == "mask" else pseudonym(find, seed)
        rest = text[find.end :]
        if mode == "pseudonym" and find.kind == "name":
            particle = re.match("[가-힣]*", rest)
            assert particle is not None
            new, rest = followed_by(new, particle[0], is_name=True), rest[particle.end() :]
        text = text[: find.start] + new + rest
    return text


def mask_of(kind: str) -> str:
    return KINDS[kind].mask if kind in KINDS else "<이름>"


_KEPT = {
    "mobile": re.compile(r"(?:\+82[-\s.]?0?|0)1\d"),
    "landline": re.compile(r"\(?(?:02|0\d\d)"),
    "resident": re.compile(r"\d\d"),
}
"""What stays: the network, the area, the year of birth."""
_SURNAMES = "김이박최정강조윤장임"
_GIVEN = (
    "가온",
    "나래",
    "다온",
    "라온",
    "마루",
    "바다",
    "아름",
    "자람",
    "찬솔",
    "하늘",
    "보람",
    "새봄",
    "이든",
)


def pseudonym(find: Find, seed: int) -> str:
    """The same form with other digits and letters; the same text gives the same one."""
    digest = hashlib.blake2b(f"{seed}\x1f{find.kind}\x1f{find.text}".encode(), digest_size=32).digest()
    if find.kind == "name":
        return _SURNAMES[digest[0] % len(_SURNAMES)] + _GIVEN[digest[1] % len(_GIVEN)]
    if find.kind == "email":
        return f"user{int.from_bytes(digest[:4], 'big') % 100_000:05d}@example.com"
    if find.kind == "ip":
        return f"192.0.2.{digest[0]}"
    beginning = _KEPT[find.kind].match(find.text) if find.kind in _KEPT else None
    kept = beginning.end() if beginning else 0
    drawn = iter(digest)
    invented = "".join(
        _other(character, next(drawn)) if character.isdigit() and index >= kept else character
        for index, character in enumerate(find.text)
    )
    # nobody was born in month 00, so an invented resident number is nobody's
    return f"{invented[:2]}00{invented[4:]}" if find.kind == "resident" else invented


def _other(digit: str, byte: int) -> str:
    return str((int(digit) + 1 + byte % 9) % 10)
