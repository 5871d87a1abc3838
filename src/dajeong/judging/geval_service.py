"""G-Eval by a model service: scores from its likeliest tokens, from draws, or from one answer.

What a method needs and a service does not tell makes a score missing; no other method takes its place.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import fmean

from dajeong.judging import form
from dajeong.judging.asking_twice import asked_twice
from dajeong.judging.judgement import Judge, Judgement, Question, questions, score_of, weighed
from dajeong.judging.rubric import Criterion
from dajeong.judging.score_text import Reading, read_score
from dajeong.judging.settings import JudgeSettings
from dajeong.judging.weights import weighted
from dajeong.records import Decoding, Message, Reply, Score
from dajeong.remote.client import Client
from dajeong.remote.request import Answer, Failure, Request, TokenChoice
from dajeong.storage import digest_json

TOP = 20
"""Alternatives to a token that OpenAI's API tells at most."""


class ServiceJudge:
    """A service that judges by a rubric. Its client keeps answers, price and budget."""

    def __init__(self, client: Client, settings: JudgeSettings) -> None:
        self._client, self._settings, self._rubric = client, settings, settings.chosen()
        self.name = f"judge:{client.settings.model}"
        method = f"sample-{settings.num_samples}" if settings.method == "sample" else settings.method
        how = [form.VERSION, self._rubric.digest, method, decoding_of(settings).model_dump(), self.name]
        rubric = f"{self._rubric.name}-{self._rubric.version}"
        self.judge = Judge(self.name, method, rubric, digest_json(how)[:16])

    def score(self, replies: Sequence[Reply]) -> list[Score]:
        asked = list(questions(replies, self._rubric))
        found = self.judged(asked)
        return [
            score_of(each.reply, each.criterion, judgement, self.judge)
            for each, judgement in zip(asked, found, strict=True)
        ]

    def judged(self, asked: Sequence[Question]) -> list[Judgement]:
        groups = [requests_of(each, self._settings) for each in asked]
        if self._settings.method == "greedy":
            return asked_twice(
                self._client,
                [request for (request,) in groups],
                lambda number, answer: _of_one(asked[number], answer),
                (lambda number, said: self._repair(asked[number], said)) if self._settings.repair else None,
            )
        answers = iter(self._client.answers([request for group in groups for request in group]))
        drawn = [list(islice(answers, len(group))) for group in groups]
        if self._settings.method == "sample":
            return [_of_draws(each, some) for each, some in zip(asked, drawn, strict=True)]
        least = self._settings.min_valid_mass
        return [_of_top(each, one, least) for each, (one,) in zip(asked, drawn, strict=True)]

    def _repair(self, question: Question, said: str) -> Request:
        first = requests_of(question, self._settings)[0]
        asked, language = _said(question, self._settings), self._rubric.language
        messages = form.again(asked, said, question.criterion, language)
        if self._client.settings.api == "completions":
            messages = form.as_one(messages)
        return first.model_copy(update={"messages": messages})


def decoding_of(settings: JudgeSettings) -> Decoding:
    """How a judge's answer is drawn."""
    temperature = 1.0 if settings.method == "sample" else 0.0
    return Decoding(temperature=temperature, max_new_tokens=settings.max_new_tokens)


def requests_of(question: Question, settings: JudgeSettings) -> list[Request]:
    """What a question is asked by: one request, or as many as there are draws."""
    messages = _said(question, settings)
    if settings.service is not None and settings.service.api == "completions":
        messages = form.as_one(messages)
    top = TOP if settings.method == "top_logprobs" else 0
    draws = settings.num_samples if settings.method == "sample" else 1
    decoding = decoding_of(settings)
    return [
        Request(messages=messages, decoding=decoding, sample=draw, top_logprobs=top) for draw in range(draws)
    ]


def asked_by(replies: Sequence[Reply], settings: JudgeSettings) -> Iterator[Request]:
    """Every first request for these replies."""
    for question in questions(replies, settings.chosen()):
        yield from requests_of(question, settings)


def _said(question: Question, settings: JudgeSettings) -> tuple[Message, ...]:
    return form.form(question.sheet, question.criterion, question.reply, settings.chosen().language)


def reading_of(criterion: Criterion, answer: Answer) -> Reading:
    titles = (criterion.title, criterion.name)
    return read_score(answer.text, criterion.lowest, criterion.highest, titles, answer.finish == "length")


def reason_of(found: Reading | Failure) -> str:
    return f"{found.code}: {found.detail}" if found.detail else str(found.code)


def _of_one(question: Question, answer: Answer | Failure) -> Judgement:
    if isinstance(answer, Failure):
        return Judgement(None, reason_of(answer))
    found = reading_of(question.criterion, answer)
    if found.value is None:
        return Judgement(None, reason_of(found), _told_by(answer))
    return Judgement(found.value, None, _told_by(answer))


def _of_draws(question: Question, answers: Sequence[Answer | Failure]) -> Judgement:
    """The mean of the draws that can be read; missing where that is not even half of them."""
    found = [_of_one(question, answer) for answer in answers]
    values = [each.value for each in found if each.value is not None]
    meta = {"num_read": len(values), **next((each.meta for each in found if each.meta), {})}
    if len(values) * 2 < len(found):
        reason = next(each.reason for each in found if each.reason)
        return Judgement(None, f"few-draws: {len(values)} of {len(found)} read; {reason}", meta)
    return Judgement(fmean(values), None, meta)


def _of_top(question: Question, answer: Answer | Failure, min_valid_mass: float) -> Judgement:
    one = _of_one(question, answer)
    if isinstance(answer, Failure) or one.value is None:
        return one
    if not answer.logprobs:
        return Judgement(None, "no-logprobs: the service tells none", one.meta)
    token = _score_token(answer.logprobs, question.criterion)
    if token is None or _as_score(token.token, question.criterion) != one.value:
        return Judgement(None, "no-score-token: no token is the score by itself", one.meta)
    likely = dict([(token.token, token.logprob), *token.top])
    scored = ((_as_score(text, question.criterion), math.exp(logprob)) for text, logprob in likely.items())
    found = weighted((score, mass) for score, mass in scored if score is not None)
    judgement = weighed(found, min_valid_mass)
    return judgement._replace(meta={**one.meta, **judgement.meta})


def _score_token(tokens: Sequence[TokenChoice], criterion: Criterion) -> TokenChoice | None:
    return next((each for each in tokens if _as_score(each.token, criterion) is not None), None)


def _as_score(token: str, criterion: Criterion) -> int | None:
    """The score that a token spells out by itself, blanks around it left out."""
    text = unicodedata.normalize("NFKC", token).strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) in criterion.scale else None


def _told_by(answer: Answer) -> dict[str, str]:
    told = {"model": answer.model, "fingerprint": answer.fingerprint}
    return {name: value for name, value in told.items() if value}
