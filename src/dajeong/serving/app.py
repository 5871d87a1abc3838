"""The application of a server: its routes, its errors, its guard. Starts nothing and loads nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dajeong.serving import chat_route, completion_route, other_routes, problems
from dajeong.serving.guard import Guard
from dajeong.serving.metrics import Metrics
from dajeong.serving.service import Service
from dajeong.serving.settings import LOOPBACK

PROBLEM = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        }
    },
}
"""OpenAI's error object, as the API's own description has it."""


def build(
    service: Service,
    key: str | None = None,
    pages: Sequence[APIRouter] = (),
    open_paths: Collection[str] = (),
) -> FastAPI:
    """The API over `service`, and `pages` beside it, of which `open_paths` can be had without the key."""
    # the usual pages about an API load their scripts from elsewhere
    app = FastAPI(title="dajeong", docs_url=None, redoc_url=None)
    app.state.service = service
    problems.install(app)
    for router in (chat_route.router, completion_route.router, other_routes.router, *pages):
        app.include_router(router)
    app.add_middleware(_Counted, metrics=service.metrics)
    app.add_middleware(
        Guard,
        key=key,
        hosts=allowed_hosts(service),
        max_body_bytes=service.settings.max_body_bytes,
        open_paths={"/health", *open_paths},
    )
    _describe_problems(app)
    return app


def allowed_hosts(service: Service) -> set[str] | None:
    """Names that a request may be addressed to; None, any, where an open server names none."""
    settings = service.settings
    if not settings.is_loopback and not settings.allow_hosts:
        return None
    return {*LOOPBACK, settings.host, *settings.allow_hosts}


def _describe_problems(app: FastAPI) -> None:
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


class _Counted:
    """Counts answers by route and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                self.metrics.request(getattr(route, "path", "other"), message["status"])
            await send(message)

        await self.app(scope, receive, sending if scope["type"] == "http" else send)
