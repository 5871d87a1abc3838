"""How a route gets at the service of its app."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from dajeong.serving.service import Service

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": about,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, about in {
        400: "The request cannot be obeyed as it is.",
        401: "The key is missing or wrong.",
        403: "Host or Origin is not allowed.",
        404: "No such model, or nothing of this kind here.",
        413: "The request is too large.",
        429: "Too many requests wait; come again.",
        503: "Loading, stopping, or the engine has failed.",
        504: "The deadline has passed.",
    }.items()
}
"""What any route of the API may answer."""


def service_of(request: Request) -> Service:
    found = request.app.state.service
    assert isinstance(found, Service)
    return found


ServiceOf = Annotated[Service, Depends(service_of)]
