"""Scores with a line each → a row an answer, as tables have it. Knows no file and no scale but those told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dajeong.judging.form import conversation
from dajeong.judging.judge_figures import named
from dajeong.records import Reply

CRITERION = "criterion"
VALUES = ("value", "score")
Rows = Sequence[Mapping[str, Any]]


def is_long(rows: Rows) -> bool:
    """Whether a row is one score: it names its criterion, as the records of a judge do."""
    return all(row.get(CRITERION) and any(name in row for name in VALUES) for row in rows)


def widened(
    rows: Rows, replies: Mapping[str, Reply]
) -> tuple[list[dict[str, Any]], dict[str, tuple[float, float]]]:
    """Rows with a column for each criterion, and the scales that the scores tell of themselves.

    What identifies an answer is everything that is the same in its rows: its id or its texts, and who judged.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    scales: dict[str, tuple[float, float]] = {}
    for row in rows:
        answer = _answer(row, replies)
        wide = found.setdefault(tuple(str(value) for value in answer.values()), answer)
        criterion = str(row[CRITERION])
        wide[criterion] = next(row[name] for name in VALUES if name in row)
        meta = row.get("meta")
        scale = meta.get("scale") if isinstance(meta, Mapping) else None
        if isinstance(scale, list | tuple) and len(scale) == 2:
            scales[criterion] = (float(scale[0]), float(scale[1]))
    criteria = dict.fromkeys(str(row[CRITERION]) for row in rows)
    return [{**dict.fromkeys(criteria), **wide} for wide in found.values()], scales


def _answer(row: Mapping[str, Any], replies: Mapping[str, Reply]) -> dict[str, Any]:
    """What a row says besides its score; all of it from the reply, where that is known."""
    reply = replies.get(str(row.get("reply_id") or ""))
    if reply is None:
        return {
            name: value
            for name, value in row.items()
            if isinstance(value, str) and name not in (CRITERION, *VALUES, "id", "reason", "settings_hash")
        }
    return {
        "reply_id": reply.id,
        "prompt": conversation(reply.prompt),
        "answer": reply.content,
        "model": reply.author,
        "kind": reply.kind,
        "decoding": named(reply.decoding),
        "scorer": str(row.get("scorer") or ""),
    }
