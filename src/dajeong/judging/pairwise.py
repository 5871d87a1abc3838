"""Judges of pairs: each pair in both orders, a win only if both agree. Knows no file.

A judge that prefers the first place, whatever stands there, gives ties so and no wins (Zheng et al. 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dajeong.judging import form
from dajeong.judging.asking_twice import asked_twice
from dajeong.judging.judgement import Judge, Judgement
from dajeong.judging.pair_form import LETTERS, VERSION, pair_again, pair_form, read_verdict
from dajeong.judging.settings import CompareSettings
from dajeong.records import Decoding, Reply, Score
from dajeong.remote.client import Client
from dajeong.remote.request import Answer, Failure, Request
from dajeong.storage import digest_json

if TYPE_CHECKING:
    from dajeong.judging.reading_local import LocalReader

CRITERION = "preferred"


class Pair(NamedTuple):
    """Replies of two authors to one prompt; what is said is said of `reply`."""

    reply: Reply
    other: Reply


class PairJudge(Protocol):
    judge: Judge

    def shown(self, shown: Sequence[tuple[Reply, Reply]]) -> list[Judgement]:
        """Of each (first, second): 1 where the first is better, 0 the second, ½ a tie; or missing."""


def compared(judge: PairJudge, pairs: Sequence[Pair]) -> list[Score]:
    """One score a pair: 1 a win of `reply`, 0 a loss, ½ where the judge ties or the orders disagree."""
    shown = [pair for reply, other in pairs for pair in ((reply, other), (other, reply))]
    found = judge.shown(shown)
    return [
        _score(pair, found[2 * number], found[2 * number + 1], judge.judge)
        for number, pair in enumerate(pairs)
    ]


def _score(pair: Pair, straight: Judgement, turned: Judgement, judge: Judge) -> Score:
    """Both orders as one score; missing where either is."""
    value: float | None = None
    orders = [straight.value, None if turned.value is None else 1 - turned.value]
    if straight.value is not None and turned.value is not None:
        sides = {_side(straight.value), _side(1 - turned.value)}
        value = sides.pop() if len(sides) == 1 else 0.5
    reason = straight.reason or turned.reason
    return Score(
        id=f"{pair.reply.id}/{pair.other.id}/{judge.name}/{judge.method}",
        source=pair.reply.source,
        licence=pair.reply.licence,
        kind=pair.reply.kind,
        meta={
            **straight.meta,
            "other": pair.other.id,
            "orders": orders,
            "consistent": None if value is None else _side(orders[0]) == _side(orders[1]),
            "characters": [len(pair.reply.content), len(pair.other.content)],
        },
        reply_id=pair.reply.id,
        scorer=judge.name,
        criterion=CRITERION,
        value=value,
        reason=reason if value is None else None,
        method=judge.method,
        settings_hash=judge.settings_hash,
    )


def _side(value: float | None) -> float:
    """1, ½ or 0: which side a probability is on."""
    value = 0.5 if value is None else value
    return 0.5 if value == 0.5 else float(value > 0.5)


class ServicePairs:
    """A service that answers with a letter."""

    def __init__(self, client: Client, settings: CompareSettings) -> None:
        self._client, self._settings = client, settings
        name = f"judge:{client.settings.model}"
        self.judge = Judge(name, settings.method, VERSION, hash_of(name, settings))

    def shown(self, shown: Sequence[tuple[Reply, Reply]]) -> list[Judgement]:
        requests = list(requests_of(shown, self._settings))
        language = self._settings.language

        def again(number: int, said: str) -> Request:
            messages = pair_again(requests[number].messages, said, language)
            messages = form.as_one(messages) if self._client.settings.api == "completions" else messages
            return requests[number].model_copy(update={"messages": messages})

        return asked_twice(self._client, requests, _read, again if self._settings.repair else None)


def requests_of(shown: Sequence[tuple[Reply, Reply]], settings: CompareSettings) -> Iterator[Request]:
    """One request for each pair in the order given."""
    decoding = Decoding(temperature=0, max_new_tokens=settings.max_new_tokens)
    for first, second in shown:
        messages = pair_form(first, second, settings.question, settings.language)
        if settings.service is not None and settings.service.api == "completions":
            messages = form.as_one(messages)
        yield Request(messages=messages, decoding=decoding)


def _read(number: int, answer: Answer | Failure) -> Judgement:
    if isinstance(answer, Failure):
        return Judgement(None, f"{answer.code}: {answer.detail}" if answer.detail else answer.code)
    found = read_verdict(answer.text, answer.finish == "length")
    reason = None if found.code is None else f"{found.code}: {found.detail}"
    told = {"model": answer.model} | ({"fingerprint": answer.fingerprint} if answer.fingerprint else {})
    return Judgement(found.value, reason, told)


class LocalPairs:
    """A local model: the likeliest of A, B and a tie; their probabilities are in the score's `meta`."""

    def __init__(self, reader: LocalReader, settings: CompareSettings) -> None:
        self._reader, self._settings = reader, settings
        self.judge = Judge(reader.name, settings.method, VERSION, hash_of(reader.name, settings))

    def shown(self, shown: Sequence[tuple[Reply, Reply]]) -> list[Judgement]:
        from dajeong.judging.reading_local import Closed

        question, language = self._settings.question, self._settings.language
        asked = [
            Closed(form.as_one(pair_form(first, second, question, language)), LETTERS)
            for first, second in shown
        ]
        return [_likeliest(found) for found in self._reader.read(asked)]


def _likeliest(found: Judgement) -> Judgement:
    if found.value is None:
        return found
    weights: dict[str, float] = found.meta["weights"]
    best = max(weights.values())
    first = [int(score) / 2 for score, share in weights.items() if share == best]
    return found._replace(value=first[0] if len(first) == 1 else 0.5)


def hash_of(name: str, settings: CompareSettings) -> str:
    return digest_json([VERSION, name, settings.method, settings.question, settings.language])[:16]


def pairs_of(replies: Sequence[Reply], settings: CompareSettings) -> list[Pair]:
    """The replies of two authors to the same prompts under the same decoding, first with first."""
    authors = list(dict.fromkeys(reply.author for reply in replies))
    others = _opponents(authors, settings.reference)
    found: list[Pair] = []
    for author, other in others:
        before = _by_prompt(replies, other)
        pairs = [
            Pair(reply, opponent)
            for key, mine in _by_prompt(replies, author).items()
            for reply, opponent in zip(mine, before.get(key, []), strict=False)
        ]
        found += pairs[: settings.max_pairs]
    return found


def _opponents(authors: Sequence[str], reference: str | None) -> list[tuple[str, str]]:
    if reference is not None:
        return [(author, reference) for author in authors if author != reference and reference in authors]
    return list(zip(authors[1:], authors[:-1], strict=True))


def _by_prompt(replies: Sequence[Reply], author: str) -> dict[tuple[object, ...], list[Reply]]:
    groups: dict[tuple[object, ...], list[Reply]] = {}
    for reply in replies:
        if reply.author == author:
            groups.setdefault((reply.prompt_id, reply.prompt, reply.decoding), []).append(reply)
    return groups
