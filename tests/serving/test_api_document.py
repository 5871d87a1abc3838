"""The API's own description, and requests made of it at random: never a 5xx, always an error object."""

from __future__ import annotations

from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance
from small_server import Running

from dajeong.serving.app import build
from dajeong.serving.service import Service

DOCUMENT: dict[str, Any] = build(Service()).openapi()
schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_any_request_is_answered_without_a_server_error(case: Case, running: Running) -> None:
    if isinstance(case.body, dict) and case.body.get("model"):
        case.body["model"] = ("sft", "reward", case.body["model"])[len(str(case.body)) % 3]
    answer = case.call(base_url=running.url)
    case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])
    if answer.status_code >= 400 and case.path != "/health":
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_every_route_is_described() -> None:
    assert set(DOCUMENT["paths"]) >= {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/models",
        "/v1/score",
        "/v1/votes",
        "/tokenize",
        "/health",
        "/metrics",
    }


def test_no_page_that_loads_from_elsewhere(running: Running) -> None:
    assert [httpx.get(f"{running.url}{path}").status_code for path in ("/docs", "/redoc")] == [404, 404]
    assert httpx.get(f"{running.url}/openapi.json").json() == DOCUMENT
