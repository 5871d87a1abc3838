"""Questions to a service, and once more those whose answer could not be read. Knows no wording."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dajeong.judging.judgement import Judgement
from dajeong.remote.client import Client
from dajeong.remote.request import Answer, Failure, Request

Read = Callable[[int, Answer | Failure], Judgement]
"""Number of the request and what came of it → the judgement."""
Again = Callable[[int, str], Request]
"""Number of the request and the unreadable answer → what is asked then."""


def asked_twice(
    client: Client, requests: Sequence[Request], read: Read, again: Again | None
) -> list[Judgement]:
    """One judgement per request. An answer without words, or none at all, is not asked for again."""
    answers = client.answers(requests)
    found = [read(number, answer) for number, answer in enumerate(answers)]
    unread = [
        (number, answer.text)
        for number, answer in enumerate(answers)
        if isinstance(answer, Answer) and found[number].value is None
    ]
    if again is None or not unread:
        return found
    second = client.answers([again(number, said) for number, said in unread])
    for (number, _), answer in zip(unread, second, strict=True):
        repaired = read(number, answer)
        if repaired.value is not None:
            found[number] = repaired._replace(meta={**repaired.meta, "repaired": True})
    return found
