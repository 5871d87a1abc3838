"""Keys: taken from the environment when something is sent, and struck out of all that is said or written."""

from __future__ import annotations

import os
import re

from dajeong.errors import RemoteProblem

STRUCK_OUT = "***"
KEY_LIKE = re.compile(
    r"(?i)(?:bearer|deepl-auth-key)\s+\S+|\b(?:sk|pk|hf|gsk|xai)[-_][\w*.-]{6,}"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:fx\b|(?<=//)[^/\s@]+@"
)
"""What services echo of a key, shortened by stars or not; and who speaks, in an address."""
LONGEST_DETAIL = 300
SHORTEST_SECRET = 12


def key_from(variable: str | None) -> str | None:
    """The key that the environment holds. Raises RemoteProblem where the variable is named but empty."""
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise RemoteProblem("key-missing", variable=variable)
    if not key.isascii() or not key.isprintable() or " " in key:
        raise RemoteProblem("key-unusable", variable=variable)
    return key


def struck_out(body: bytes, key: str | None) -> bytes:
    """What came from a service, without the key; short ones such as "EMPTY" are words, not secrets."""
    if key is None or len(key) < SHORTEST_SECRET:
        return body
    return body.replace(key.encode("ascii"), STRUCK_OUT.encode("ascii"))


def without_keys(text: str, key: str | None) -> str:
    """One short line of what a service said, without the key and without whatever looks like one."""
    if key:
        text = text.replace(key, STRUCK_OUT)
    text = " ".join(KEY_LIKE.sub(STRUCK_OUT, text).split())
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"
