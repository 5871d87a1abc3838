"""What a stated licence allows, however it is spelt. Knows names of licences, no law and no record.

Only what is known to allow passing texts on does; a licence nobody here knows, and none at all, do not.
"""

from __future__ import annotations

import re

from dajeong.data.licences import MAY_BE_PASSED_ON

NOT_STATED = "none"
"""How a person names the licence of records that state none."""

_AND = " AND "
_NOISE = re.compile(r"\b(?:the|license|licence|licensed|international|unported|version)\b")
_PERMISSIVE = re.compile(r"(?P<name>apache)(?: 2(?:\.0)?)?|(?P<other>mit|public domain|cc0(?: 1\.0)?)")
_CREATIVE = re.compile(r"cc by(?P<share> sa)? (?P<number>[1-4]\.0)(?: [a-z]{2})?")
_NAMES = {"apache": "Apache-2.0", "mit": "MIT", "cc0": "CC0-1.0", "public domain": "CC0-1.0"}


def spelt(stated: str) -> str:
    """One spelling for every way to write a licence that may be passed on; any other as it is."""
    text = re.sub(r"[\s_/-]+", " ", stated.casefold().replace("creative commons", "cc"))
    text = text.replace("attribution", "by").replace("sharealike", "sa").replace("share alike", "sa")
    text = " ".join(_NOISE.sub(" ", re.sub(r",|\bv(?=\d)", " ", text)).split())
    if found := _PERMISSIVE.fullmatch(text):
        return _NAMES[(found["name"] or found["other"]).removesuffix(" 1.0")]
    if found := _CREATIVE.fullmatch(text):
        return f"CC-BY{'-SA' if found['share'] else ''}-{found['number']}"
    return stated.strip() or NOT_STATED


def joint_licence(one: str, other: str) -> str:
    """Of what came of two texts: both hold; where either is unstated, nothing is stated."""
    if not one or not other:
        return ""
    return _AND.join(dict.fromkeys([*one.split(_AND), *other.split(_AND)]))


def may_be_passed_on(stated: str) -> bool:
    """Whether texts under it may be given to others, with credit where it asks for that."""
    return all(spelt(each) in MAY_BE_PASSED_ON for each in stated.split(_AND))


def is_allowed(stated: str, by_name: frozenset[str]) -> bool:
    """Whether a record may leave: its licence allows it, or a person named the licence."""
    return may_be_passed_on(stated) or spelt(stated) in {spelt(name) for name in by_name}
