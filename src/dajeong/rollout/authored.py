"""What an author wrote becomes a Reply: its id, and what it takes over from its prompt. Knows no author."""

from __future__ import annotations

from typing import Any

from dajeong.records import Decoding, Dialogue, Reply, StopReason, content_id


def reply_to(
    prompt: Dialogue,
    content: str,
    author: str,
    *,
    decoding: Decoding | None = None,
    seed: int | None = None,
    stop_reason: StopReason | None = None,
    num_tokens: int | None = None,
    licence: str | None = None,
    **meta: Any,
) -> Reply:
    """The same words, drawn alike by the same author, have the same id. `meta` adds to the prompt's.

    `licence`: null leaves the prompt's.
    """
    how = "" if decoding is None else decoding.model_dump_json()
    return Reply(
        id=content_id("reply", prompt.id, author, how, str(seed), content),
        source=prompt.source,
        licence=prompt.licence if licence is None else licence,
        kind=prompt.kind,
        meta={**prompt.meta, **meta},
        prompt_id=prompt.id,
        prompt=prompt.messages,
        content=content,
        author=author,
        decoding=decoding,
        stop_reason=stop_reason,
        seed=seed,
        num_tokens=num_tokens,
    )
