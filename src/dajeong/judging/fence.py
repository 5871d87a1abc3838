"""Marks around text under judgement that the text cannot forge: their code is a hash over it.

Nobody can write an answer that holds its own hash, so an answer cannot close its fence and go on outside.
The same text has the same code: a judgement that was paid for is found again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from dajeong.storage import digest_json

_CONTROL = re.compile(
    r"<(?=[|｜][^\n|｜]{1,40}[|｜]>|/?(?:s|bos|eos|pad|unk)>|(?:start|end)_of_turn>|/?think>|<SYS>>|</SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS)\])"
)
"""Before spellings that chat servers may take for control tokens, wherever they stand."""


class Part(NamedTuple):
    label: str
    text: str


def code_of(parts: Sequence[Part], key: str = "") -> str:
    """16 hex digits that occur in none of the texts."""
    number = 0
    while True:
        code = digest_json([key, number, *parts])[:16]
        if not any(code in part.text for part in parts):
            return code
        number += 1


def fenced(part: Part, code: str) -> str:
    return f"[[{part.label} {code}]]\n{spelled_out(part.text)}\n[[/{part.label} {code}]]"


def spelled_out(text: str) -> str:
    """The text with a blank inside whatever looks like a control token: it is read, but steers no server."""
    return _CONTROL.sub(lambda found: f"{found.group()} ", text)
