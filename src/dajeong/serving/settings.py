"""What a server may be told: where it listens, what it takes, how long it waits. Reads no environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from dajeong.records import Frozen

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ServeSettings(Frozen):
    host: str = "127.0.0.1"
    """Address to listen at; any but this machine's own needs a key."""
    port: int = Field(8000, ge=0, le=65535)
    """0 takes a free one."""
    allow_hosts: tuple[str, ...] = ()
    """Host names that requests may be addressed to, beside this machine's own."""
    max_rows: int = Field(64, ge=1, le=1024)
    """Replies written at the same time, in one batch."""
    max_waiting: int = Field(256, ge=0)
    """Replies that may wait for a place; further requests are told to come again (429)."""
    max_body_bytes: int = Field(1 << 20, ge=1024)
    """Largest request."""
    default_max_tokens: int = Field(512, ge=1)
    """Longest reply where the request does not say."""
    deadline_s: float = Field(600, gt=0)
    """Longest time for one request, waiting included."""
    drain_s: float = Field(25, ge=0)
    """After SIGTERM, how long running replies may still take."""
    votes: Path | None = None
    """JSON Lines file that gets the votes of the chat page; a run's own `votes.jsonl` by default."""
    log_content: bool = False
    """Also log what was said; else only lengths and ids."""

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK
