"""`POST /v1/completions`: text goes on, no template around it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import torch
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from dajeong.messages import text
from dajeong.models.layout import Layout
from dajeong.models.roles import RoleModel
from dajeong.serving.access import ERRORS, ServiceOf
from dajeong.serving.asked import CompletionAsked
from dajeong.serving.chat_route import LEFT
from dajeong.serving.events import EventStream, whole
from dajeong.serving.mailbox import Piece, Spoken
from dajeong.serving.problems import bad, unsupported
from dajeong.serving.service import Service
from dajeong.serving.shelf import Offered
from dajeong.serving.told import TextForm, Told, Usage

router = APIRouter()
DEFAULT_TOKENS = 16
"""OpenAI's."""


@router.post("/v1/completions", responses=ERRORS)
async def complete(asked: CompletionAsked, request: Request, service: ServiceOf) -> Response:
    """What comes after one or several texts, whole or as server-sent events."""
    offered = service.writer(asked.model)
    _refuse_contradictions(asked)
    prompts = await _prompts(asked, service)
    most = DEFAULT_TOKENS if asked.max_tokens is None else asked.max_tokens
    decoding = service.decoding(asked, most or 1)
    echoed = await _echoed(asked, service, offered, prompts)
    if most == 0:
        form = _form(asked, service, Usage(sum(map(len, prompts)), None), echoed)
        nothing = [Piece(index, "", 0, (), "length") for index in range(len(echoed))]
        return JSONResponse(form.whole(nothing))
    writing = service.begin(offered, prompts, asked, decoding, num_ranked=asked.logprobs, in_a_chat=False)
    form = _form(asked, service, Usage(sum(map(len, prompts)), writing), echoed)
    if asked.stream:
        return EventStream(writing, form)
    pieces = await whole(request, writing)
    return Response(status_code=LEFT) if pieces is None else JSONResponse(form.whole(pieces))


def _refuse_contradictions(asked: CompletionAsked) -> None:
    if asked.stream_options is not None and not asked.stream:
        raise bad("invalid_value", text("api-stream-options"), "stream_options")
    if asked.max_tokens == 0 and (not asked.echo or asked.stream):
        raise bad("invalid_value", text("api-nothing-asked"), "max_tokens")


async def _prompts(asked: CompletionAsked, service: Service) -> list[tuple[int, ...]]:
    """Every prompt as tokens; given as tokens, they are taken as they are."""
    given = asked.prompt
    if isinstance(given, str):
        return [await service.text_ids(given)]
    found = []
    for each in given if not isinstance(given[0], int) else [given]:
        if isinstance(each, str):
            found.append(await service.text_ids(each))
        elif isinstance(each, list):
            _refuse_unknown(each, service.shelf.tokenizer.vocab_size)
            found.append(tuple(each))
    return found


def _refuse_unknown(ids: Sequence[int | str | list[int]], vocabulary: int) -> None:
    largest = max(each for each in ids if isinstance(each, int))
    if largest >= vocabulary:
        raise bad("invalid_value", text("api-token", token=largest, vocabulary=vocabulary), "prompt")


Echo = tuple[str, tuple[Spoken, ...]]


async def _echoed(
    asked: CompletionAsked, service: Service, offered: Offered, prompts: Sequence[tuple[int, ...]]
) -> list[Echo]:
    """For every choice what of the prompt is repeated."""
    copies = asked.n or 1
    if not asked.echo:
        return [("", ())] * (len(prompts) * copies)
    found: list[Echo] = []
    for ids in prompts:
        if len(ids) > service.station.engine.context:
            raise service.too_long(len(ids))
        said: tuple[Spoken, ...] = ()
        if asked.logprobs is not None:
            said = await _read(service, offered, ids, asked.logprobs)
        found += [(service.shelf.tokenizer.decode(ids), said)] * copies
    return found


async def _read(service: Service, offered: Offered, ids: tuple[int, ...], ranked: int) -> tuple[Spoken, ...]:
    model = service.shelf.model
    if model is None:
        raise unsupported("echo")  # with logprobs: another engine holds the weights
    return await asyncio.wrap_future(
        service.station.run(lambda: prompt_logprobs(model, offered.role, ids, ranked))
    )


def prompt_logprobs(
    model: RoleModel, role: str | None, ids: tuple[int, ...], num_ranked: int
) -> tuple[Spoken, ...]:
    """Every token of a prompt with its log-probability behind those before it; the first has none (NaN)."""
    tokens = torch.tensor([ids], device=model.device)
    positions = torch.arange(len(ids), device=model.device)[None]
    with torch.inference_mode():
        logits = model.logits(model.hidden(tokens, positions, Layout.all(role))[0, :-1])
        logprobs = logits.log_softmax(-1)
        chosen = logprobs.gather(1, tokens[0, 1:, None])[:, 0].tolist()
        best = logprobs.topk(num_ranked, dim=-1)
    ranked = [
        tuple(zip(*each, strict=True))
        for each in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
    return tuple(
        Spoken(token, logprob, each)
        for token, logprob, each in zip(ids, [float("nan"), *chosen], [(), *ranked], strict=True)
    )


def _form(asked: CompletionAsked, service: Service, usage: Usage, echoed: Sequence[Echo]) -> TextForm:
    include = asked.stream_options is not None and asked.stream_options.include_usage
    told = Told("text_completion", "cmpl", asked.model, usage, include)
    return TextForm(told, echoed, service.token_texts if asked.logprobs is not None else None)
