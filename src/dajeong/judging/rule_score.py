"""A score as rules give it: of one reply, by wording alone. Knows no rule."""

from __future__ import annotations

from typing import NamedTuple

from dajeong.records import Reply, Score


class Rules(NamedTuple):
    """Who says it, and by which rules: `settings_hash` changes whenever one of them does."""

    name: str
    settings_hash: str

    def score(self, reply: Reply, criterion: str, value: float | None, why_missing: str) -> Score:
        return Score(
            id=f"{reply.id}/{self.name}/{criterion}",
            source=reply.source,
            licence=reply.licence,
            kind=reply.kind,
            reply_id=reply.id,
            scorer=self.name,
            criterion=criterion,
            value=None if value is None else float(value),
            reason=why_missing if value is None else None,
            method="rule",
            settings_hash=self.settings_hash,
        )
