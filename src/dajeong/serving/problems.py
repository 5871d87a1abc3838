"""What a client is told when a request fails: OpenAI's error object, always. Knows no route."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from dajeong.errors import DajeongError, DataProblem, UsageProblem
from dajeong.messages import text

KINDS = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    504: "server_error",
}
"""Status → `type`; all others are `invalid_request_error`."""
AGAIN_S = {429: "1", 503: "5"}
"""Status → Retry-After."""


class ApiProblem(Exception):
    """A refusal: its status, `code` for programs, a sentence for people."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param

    def body(self) -> dict[str, Any]:
        kind = KINDS.get(self.status, "invalid_request_error")
        said = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": said}

    def headers(self) -> dict[str, str]:
        again = AGAIN_S.get(self.status)
        if again is None:  # OpenAI's client asks again by itself after any 5xx
            return {"x-should-retry": "false"}
        return {"retry-after": again}

    def response(self) -> Response:
        return JSONResponse(self.body(), self.status, self.headers())


def bad(code: str, message: str, param: str | None = None) -> ApiProblem:
    """A request that cannot be obeyed as it is."""
    return ApiProblem(400, code, message, param)


def unsupported(param: str) -> ApiProblem:
    """Never ignored: what cannot be honoured is refused."""
    return bad("unsupported_parameter", text("api-unsupported", param=param), param)


def too_large(limit: str) -> ApiProblem:
    return ApiProblem(413, "request_too_large", text("api-too-large", limit=limit))


def as_api_problem(problem: Exception) -> ApiProblem:
    """Any failure as what a client may know of it."""
    if isinstance(problem, ApiProblem):
        return problem
    if isinstance(problem, DataProblem | UsageProblem):
        return bad("invalid_value", str(problem))
    if isinstance(problem, DajeongError):
        return ApiProblem(503, "engine_failed", str(problem))
    return ApiProblem(500, "internal_error", text("api-internal"))


def of_validation(problem: RequestValidationError) -> ApiProblem:
    """The first thing that is wrong with a body; what it said there is not repeated."""
    first = problem.errors()[0]
    if first["type"] == "json_invalid":
        return bad("invalid_json", text("api-json"))
    param = ".".join(str(part) for part in first["loc"] if part != "body")
    if first["type"] == "extra_forbidden":
        return bad("unknown_parameter", text("api-unknown-parameter", param=param), param)
    return bad("invalid_value", f"{param or 'body'}: {first['msg']}", param or None)


def of_http(problem: HTTPException) -> ApiProblem:
    if problem.status_code == 413:
        return too_large(problem.detail)
    if problem.status_code in (404, 405):
        return ApiProblem(problem.status_code, "not_found", text("api-no-route"))
    return ApiProblem(problem.status_code, "invalid_request", text("api-json"))


def install(app: FastAPI) -> None:
    """Every error of `app` as an error object."""

    async def handled(_request: Request, problem: Exception) -> Response:
        if isinstance(problem, RequestValidationError):
            return of_validation(problem).response()
        if isinstance(problem, HTTPException):
            answer = of_http(problem).response()
            answer.headers.update(problem.headers or {})  # `Allow` of a 405
            return answer
        return as_api_problem(problem).response()

    for kind in (RequestValidationError, HTTPException, ApiProblem, DajeongError, Exception):
        app.add_exception_handler(kind, handled)
