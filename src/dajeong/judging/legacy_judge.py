"""A service asked as KULLM v2 or VAIV asked it: one answer for all criteria. Knows no wording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dajeong.judging.geval_service import reason_of
from dajeong.judging.judgement import Judge, Judgement, score_of
from dajeong.judging.legacy_forms import LEGACY, readings
from dajeong.judging.rubric import Criterion
from dajeong.judging.settings import LegacyName
from dajeong.records import Decoding, Message, Reply, Score
from dajeong.remote.client import Client
from dajeong.remote.request import Answer, Failure, Request
from dajeong.storage import digest_json

LONGEST = 512
"""Tokens of a filled form."""
ALONE = "alone: this form shows two replies to one prompt"


class Shown(NamedTuple):
    """The replies of one prompt that a form shows at once, and its criteria."""

    replies: Sequence[Reply]
    criteria: Sequence[Criterion]
    request: Request | None
    """None where a second reply is missing."""


class LegacyJudge:
    """Gives every reply the scores of its form, in the order of the replies."""

    def __init__(self, client: Client, profile: LegacyName) -> None:
        self._client, self._profile, self._legacy = client, profile, LEGACY[profile]
        self.name = f"judge:{client.settings.model}"
        method = "greedy" if self._legacy.temperature == 0 else "sample-1"
        settings_hash = digest_json([profile, method, self.name, *_wording(profile)])[:16]
        self.judge = Judge(self.name, method, profile, settings_hash)

    def score(self, replies: Sequence[Reply]) -> list[Score]:
        shown = shown_by(replies, self._profile)
        asked = [each.request for each in shown if each.request is not None]
        answers = iter(self._client.answers(asked))
        found: dict[str, list[Score]] = {}
        for each in shown:
            judged = _judged(each, next(answers) if each.request is not None else None)
            for reply, judgements in zip(each.replies, judged, strict=True):
                named = zip(each.criteria, judgements, strict=True)
                found[reply.id] = [score_of(reply, one, said, self.judge) for one, said in named]
        return [score for reply in replies for score in found[reply.id]]


def shown_by(replies: Sequence[Reply], profile: LegacyName) -> list[Shown]:
    """The forms that ask about these replies; a profile of two takes the replies to a prompt in pairs."""
    legacy = LEGACY[profile]
    groups: dict[str, list[Reply]] = {}
    for reply in replies:
        groups.setdefault(reply.prompt_id if legacy.replies_at_once > 1 else reply.id, []).append(reply)
    size = legacy.replies_at_once
    return [
        _shown(group[start : start + size], profile)
        for group in groups.values()
        for start in range(0, len(group), size)
    ]


def _shown(replies: Sequence[Reply], profile: LegacyName) -> Shown:
    legacy = LEGACY[profile]
    criteria = legacy.criteria(replies[0].kind)
    if len(replies) < legacy.replies_at_once:
        return Shown(replies, criteria, None)
    decoding = Decoding(temperature=legacy.temperature, max_new_tokens=LONGEST)
    return Shown(replies, criteria, Request(messages=legacy.messages(replies, criteria), decoding=decoding))


def _judged(shown: Shown, answer: Answer | Failure | None) -> list[list[Judgement]]:
    if not isinstance(answer, Answer):
        reason = reason_of(answer) if answer else ALONE
        return [[Judgement(None, reason) for _ in shown.criteria] for _ in shown.replies]
    told = {"model": answer.model} | ({"fingerprint": answer.fingerprint} if answer.fingerprint else {})
    return [
        [Judgement(each.value, None if each.value is not None else reason_of(each), told) for each in some]
        for some in readings(answer.text, shown.criteria, len(shown.replies))
    ]


def _wording(profile: LegacyName) -> Sequence[Message]:
    """The form around an empty reply: a change of its wording changes the hash of its scores."""
    empty = Reply(id="", prompt_id="", prompt=(Message(role="user", content=""),), content="", author="")
    legacy = LEGACY[profile]
    kinds = ("", "talk", "abusive", "translation")
    return [
        message
        for kind in kinds
        for message in legacy.messages([empty] * legacy.replies_at_once, legacy.criteria(kind))
    ]
