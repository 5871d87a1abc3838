"""The routes beside writing: models, scores, tokens, votes, health, metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dajeong.errors import DataProblem, EnvironmentProblem
from dajeong.messages import text
from dajeong.records import Message
from dajeong.serving.access import ERRORS, ServiceOf
from dajeong.serving.asked import ScoreAsked, TokenizeAsked, VoteAsked
from dajeong.serving.problems import ApiProblem, bad
from dajeong.serving.service import Service, dialogue
from dajeong.serving.shelf import Offered
from dajeong.serving.votes import vote_record
from dajeong.storage import disk_problem

router = APIRouter(responses=ERRORS)


@router.get("/health", responses={503: {"description": "Not ready."}})
async def health(service: ServiceOf) -> Response:
    """200 once the models answer, 503 before that, and while the server stops."""
    ready = service.is_ready
    return JSONResponse({"status": "ok" if ready else "not ready"}, 200 if ready else 503)


@router.get("/metrics")
async def metrics(service: ServiceOf) -> Response:
    """Counters, in the text form that Prometheus reads."""
    gauges = {"ready": int(service.is_ready), "running": 0, "waiting": 0}
    if service.is_ready:
        gauges |= {"running": service.station.num_running, "waiting": service.station.num_waiting}
    return PlainTextResponse(service.metrics.text(gauges), media_type="text/plain; version=0.0.4")


@router.get("/v1/models")
async def models(service: ServiceOf) -> Response:
    """What `model` may be; `kind` says whether it writes or scores."""
    offered = [_told(service, each) for each in service.shelf.offered.values()]
    return JSONResponse({"object": "list", "data": offered})


@router.get("/v1/models/{model}")
async def one_model(model: str, service: ServiceOf) -> Response:
    return JSONResponse(_told(service, service.named(model)))


def _told(service: Service, offered: Offered) -> dict[str, Any]:
    return {
        "id": offered.id,
        "object": "model",
        "created": service.started,
        "owned_by": "dajeong",
        "kind": "chat" if offered.rewards is None else "reward",
        "default": offered.id == service.shelf.default,
        "max_model_len": service.station.engine.context,
    }


@router.post("/v1/score")
async def score(asked: ScoreAsked, service: ServiceOf) -> Response:
    """A reward model's scores of answers to a prompt; `normalised`: mean 0, deviation 1 on SFT answers."""
    offered, prompt = service.named(asked.model), _ending_with_user(dialogue(asked.messages))
    rewards, num_tokens = await service.rewards(offered, prompt, asked.responses)
    notes = offered.rewards
    assert notes is not None
    data = [
        {
            "index": index,
            "object": "score",
            "score": reward,
            "normalised": (reward - notes.reward_mean) / notes.reward_deviation,
        }
        for index, reward in enumerate(rewards)
    ]
    usage = {"prompt_tokens": num_tokens, "completion_tokens": 0, "total_tokens": num_tokens}
    return JSONResponse({"object": "list", "model": offered.id, "data": data, "usage": usage})


def _ending_with_user(messages: list[Message]) -> list[Message]:
    if messages[-1].role != "user":
        raise bad("invalid_value", text("api-user-last"), "messages")
    return messages


@router.post("/tokenize")
async def tokenize(asked: TokenizeAsked, service: ServiceOf) -> Response:
    """The tokens that a reply would start from: of a conversation under its template, or of bare text."""
    offered = service.named(asked.model)
    if (asked.prompt is None) == (asked.messages is None):
        raise bad("invalid_value", text("api-either"), "prompt")
    if asked.messages is not None:
        ids = await service.chat_ids(offered, dialogue(asked.messages))
    else:
        ids = await service.text_ids(asked.prompt or "")
    limit = service.station.engine.context
    return JSONResponse({"tokens": list(ids), "count": len(ids), "max_model_len": limit})


@router.post("/v1/votes")
async def vote(asked: VoteAsked, service: ServiceOf) -> Response:
    """Writes down which of two answers was liked better; once told, it is on the disk."""
    record = vote_record(asked, tuple(_ending_with_user(dialogue(asked.messages))))
    votes = service.votes
    try:
        new = await service.read(lambda: votes.add(record))
    except DataProblem as problem:  # somebody else wrote into the file
        raise ApiProblem(503, "vote_not_kept", str(problem)) from problem
    except OSError as problem:
        refusal = disk_problem(problem, votes.path) or EnvironmentProblem("disk-failing", path=votes.path)
        raise ApiProblem(503, "vote_not_kept", str(refusal)) from problem
    service.metrics.add("votes_total", int(new))
    return JSONResponse({"id": record.id, "object": "vote", "new": new})
