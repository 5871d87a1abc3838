"""Counters of a server, in the text form that Prometheus reads. No text of anybody's is in them."""

from __future__ import annotations

import threading
from collections import Counter

ABOUT = {
    "requests_total": "Answered requests by path and status.",
    "prompt_tokens_total": "Tokens of prompts that were taken.",
    "completion_tokens_total": "Tokens drawn and heard.",
    "cancelled_total": "Requests whose client left before the end.",
    "rejected_total": "Requests that were told to come again.",
    "failed_total": "Requests that the engine failed.",
    "votes_total": "Votes that were written down.",
    "first_token_seconds_sum": "Seconds from a request to its first text, added up.",
    "first_token_seconds_count": "Requests that got a first text.",
}


class Metrics:
    """Counts from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0
        self._lock = threading.Lock()

    def add(self, name: str, count: int = 1, labels: str = "") -> None:
        assert name in ABOUT, name
        with self._lock:
            self._counts[f"{name}{labels}"] += count

    def request(self, path: str, status: int) -> None:
        self.add("requests_total", labels=f'{{path="{path}",status="{status}"}}')

    def first_text(self, after_s: float) -> None:
        with self._lock:
            self._seconds += after_s
            self._counts["first_token_seconds_count"] += 1

    def text(self, gauges: dict[str, int]) -> str:
        with self._lock:
            counted = dict(self._counts)
            seconds = self._seconds
        lines: list[str] = []
        for name, about in ABOUT.items():
            found = {each: count for each, count in counted.items() if each.partition("{")[0] == name}
            values: dict[str, float] = {**found} or {name: 0}
            if name == "first_token_seconds_sum":
                values = {name: round(seconds, 6)}
            lines += [f"# HELP dajeong_{name} {about}", f"# TYPE dajeong_{name} counter"]
            lines += [f"dajeong_{each} {value}" for each, value in sorted(values.items())]
        for name, value in gauges.items():
            lines += [f"# TYPE dajeong_{name} gauge", f"dajeong_{name} {value}"]
        return "\n".join(lines) + "\n"
