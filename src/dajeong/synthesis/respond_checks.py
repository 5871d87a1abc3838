"""What is wrong with a reply to a prompt, whoever wrote it. Knows no author and asks nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dajeong.data import refusal
from dajeong.data.clean import is_empty
from dajeong.records import Reply, last_user_text
from dajeong.synthesis.letters import broken_character, hangul_share, num_letters
from dajeong.synthesis.mask import masked, without_marks
from dajeong.synthesis.respond_settings import ReplyCheck

_KOREAN_PROMPT = 0.5
_KOREAN_REPLY = 0.3
_SHORT = 20
"""Letters below which a reply may well be a name or a formula."""


def _cut(reply: Reply) -> str | None:
    return "longest length reached" if reply.stop_reason == "length" else None


def _broken(reply: Reply) -> str | None:
    return broken_character(reply.content)


def _language(reply: Reply) -> str | None:
    """A Korean question and an answer in another language; code does not count."""
    prose = without_marks(masked(reply.content).text)
    if num_letters(prose) < _SHORT or hangul_share(last_user_text(reply.prompt)) < _KOREAN_PROMPT:
        return None
    share = hangul_share(prose)
    return f"Hangul {share:.2f} < {_KOREAN_REPLY}" if share < _KOREAN_REPLY else None


def _refusal(reply: Reply) -> str | None:
    found = sorted(refusal.findings(reply.content) & {"refusal", "sermon"})
    return ", ".join(found) or None


def _thoughts(reply: Reply) -> str | None:
    """What some models write before they answer; services' are left out already."""
    found = re.search(r"</?think(?:ing)?>", reply.content)
    return found[0] if found else None


def _echo(reply: Reply) -> str | None:
    return "repeats the prompt" if reply.content.strip() == last_user_text(reply.prompt).strip() else None


CHECKS: Mapping[ReplyCheck, Callable[[Reply], str | None]] = {
    "cut": _cut,
    "broken": _broken,
    "language": _language,
    "echo": _echo,
    "thoughts": _thoughts,
    "refusal": _refusal,
}
"""Name → what is wrong, None where nothing is."""


def problems(reply: Reply) -> dict[str, str]:
    """Every check that fails, with what it saw; an empty reply fails only that one."""
    if is_empty(reply.content):
        return {"empty": ""}
    found = ((name, check(reply)) for name, check in CHECKS.items())
    return {name: detail for name, detail in found if detail is not None}
