"""The chat page: one HTML file at `/` that speaks to the API beside it. Knows no model."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter
from starlette.responses import Response

from dajeong.serving.chat_words import WORDS
from dajeong.serving.one_page import OnePage, one_page
from dajeong.serving.terminal import CHAT_DECODING

PATH = "/"
"""No key is needed to get it: what it asks for needs one."""
router = APIRouter()


@router.get(PATH, include_in_schema=False)
def index() -> Response:
    return chat_page().response()


@cache
def chat_page() -> OnePage:
    """Markup, style, script and words together. Replies are first drawn as `dajeong chat` draws them."""
    drawn = CHAT_DECODING
    decoding = {
        "temperature": drawn.temperature,
        "top_p": drawn.top_p,
        "top_k": drawn.top_k,
        "repetition_penalty": drawn.repetition_penalty,
        "max_tokens": drawn.max_new_tokens,
    }
    words = {key: list(each) for key, each in WORDS.items()}
    return one_page("chat_page", {"words": words, "decoding": decoding})
