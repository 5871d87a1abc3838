"""What an HTTP answer means for the one who asked: read it, ask again, leave it, or stop asking at all.

Holds for every service; knows nothing of what a good answer says.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from dajeong.remote.json_text import writable
from dajeong.remote.transport import HttpReply

BILLING = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "enforced_spend_limit_reached",
    "quota_exceeded",
    "account_deactivated",
    "access_terminated",
}
"""Codes and types of errors that no waiting heals: OpenAI's error codes, Anthropic's and others'."""
TOO_LONG = {"context_length_exceeded", "string_above_max_length", "request_too_large"}
DECLINED = {"content_filter", "content_policy_violation", "moderation_blocked"}
NO_SUCH_MODEL = {"model_not_found", "invalid_model", "deployment_not_found"}
PASSING = {408, 409, 425}
"""Beside 429 and 5xx."""


class Readable(NamedTuple):
    value: Any
    """JSON, not yet looked into."""


class Again(NamedTuple):
    """A fault that may pass."""

    code: str
    detail: str
    free: bool
    """Whether the service cannot have charged for it."""


class Refused(NamedTuple):
    """This request will never be answered; others may be."""

    code: str
    detail: str


class Stop(NamedTuple):
    """No request will be answered until a person has done something. `code` is one of `messages`."""

    code: str
    detail: str


Verdict = Readable | Again | Refused | Stop


def verdict(reply: HttpReply) -> Verdict:
    """The detail may still hold a key that the service has echoed."""
    if 200 <= reply.status < 300:
        return _of_success(reply.body)
    code, kind, said = _error_in(reply.body)
    detail = f"HTTP {reply.status} {said}".rstrip()
    if reply.status in (402, 456) or {code, kind} & BILLING:
        return Stop("service-quota", detail)
    if reply.status in (401, 403):
        return Stop("service-key-refused", detail)
    if reply.status == 404 or code in NO_SUCH_MODEL or 300 <= reply.status < 400:
        return Stop("service-not-there", detail)
    if reply.status == 429:
        return Again("busy", detail, free=True)
    if reply.status >= 500 or reply.status in PASSING:
        return Again("server-error", detail, free=True)
    return Refused(_why(code, reply.status, said), detail)


def _of_success(body: bytes) -> Verdict:
    if not body.strip():
        return Again("no-body", "", free=False)
    if body.lstrip()[:1] == b"<":
        return Again("html", _beginning(body), free=False)
    try:
        value = writable(json.loads(body))
    except (ValueError, RecursionError):
        return Again("unreadable", _beginning(body), free=False)
    if isinstance(value, dict) and value.get("error") and not value.get("choices"):
        return Again("server-error", _error_in(body)[2], free=False)  # as routers of services do
    return Readable(value)


def _error_in(body: bytes) -> tuple[str, str, str]:
    """Code, type and message of an error, wherever the service puts them."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "", "", _beginning(body)
    error = value.get("error", value) if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return "", "", str(error)[:500]
    said = error.get("message") or error.get("detail") or ""
    return str(error.get("code") or ""), str(error.get("type") or ""), str(said)[:500]


def _why(code: str, status: int, said: str) -> str:
    if code in TOO_LONG or status == 413 or "maximum context length" in said:
        return "too-long-prompt"
    return "refused-by-service" if code in DECLINED else "bad-request"


def _beginning(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace")
