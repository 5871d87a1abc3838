"""`POST /v1/chat/completions`."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from dajeong.messages import text
from dajeong.serving.access import ERRORS, ServiceOf
from dajeong.serving.asked import ChatAsked
from dajeong.serving.events import EventStream, whole
from dajeong.serving.problems import bad
from dajeong.serving.service import Service, dialogue
from dajeong.serving.told import ChatForm, Told, Usage
from dajeong.serving.writing import Writing

router = APIRouter()
LEFT = 499
"""Told to nobody: the client is gone."""


@router.post("/v1/chat/completions", responses=ERRORS)
async def chat(asked: ChatAsked, request: Request, service: ServiceOf) -> Response:
    """A reply to a conversation, whole or as server-sent events."""
    offered = service.writer(asked.model)
    ids = await service.chat_ids(offered, dialogue(asked.messages))
    decoding = service.decoding(asked, asked.max_completion_tokens or asked.max_tokens)
    ranked = _num_ranked(asked)
    writing = service.begin(offered, [ids], asked, decoding, num_ranked=ranked)
    form = _form(asked, service, writing, len(ids))
    if asked.stream:
        return EventStream(writing, form)
    pieces = await whole(request, writing)
    return Response(status_code=LEFT) if pieces is None else JSONResponse(form.whole(pieces))


def _num_ranked(asked: ChatAsked) -> int | None:
    if asked.top_logprobs and not asked.logprobs:
        raise bad("invalid_value", text("api-top-logprobs"), "top_logprobs")
    if asked.stream_options is not None and not asked.stream:
        raise bad("invalid_value", text("api-stream-options"), "stream_options")
    return (asked.top_logprobs or 0) if asked.logprobs else None


def _form(asked: ChatAsked, service: Service, writing: Writing, prompt_tokens: int) -> ChatForm:
    kind = "chat.completion.chunk" if asked.stream else "chat.completion"
    usage = Usage(prompt_tokens, writing)
    include = asked.stream_options is not None and asked.stream_options.include_usage
    told = Told(kind, "chatcmpl", asked.model, usage, include)
    return ChatForm(told, asked.n or 1, service.token_texts if asked.logprobs else None)
