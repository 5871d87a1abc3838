"""What a step refuses, and why: a line of `rejects.jsonl` each. Refuses nothing itself."""

from __future__ import annotations

from pathlib import Path

from dajeong import messages
from dajeong.data.clean import prompt_of
from dajeong.data.rows import BadRow, Left
from dajeong.records import Frozen, Record


class Reject(Frozen):
    file: str
    line: int
    column: int
    code: str
    """Why, as a code: of `messages` for what cannot be read, the rule's name for what was dropped."""
    reason: str
    excerpt: str


def unreadable(path: str, bad: BadRow) -> Reject:
    """A row that cannot be read; the reason in English, whoever runs the step."""
    reason = messages.MESSAGES[bad.code].en.format(**bad.parameters)
    return Reject(
        file=short(path), line=bad.line, column=bad.column, code=bad.code, reason=reason, excerpt=bad.excerpt
    )


def dropped(path: str, line: int, rule: str, part: Record | Left) -> Reject:
    """A part of a row that a rule drops, to be recognised by what it asks."""
    text = part.text if isinstance(part, Left) else " / ".join(turn.content for turn in prompt_of(part))
    reason, excerpt = f"dropped by the rule {rule}", repr(text[:60])
    return Reject(file=short(path), line=line, column=1, code=rule, reason=reason, excerpt=excerpt)


def short(path: str) -> str:
    """A file's name, or that of the archive and what lies in it."""
    archive, mark, member = path.rpartition(".zip!")
    return Path(archive).name + mark + member if mark else Path(path).name
