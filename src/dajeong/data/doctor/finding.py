"""What the doctor says of a file: findings, figures, and whether it may be learned from. Knows no check."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dajeong.data.doctor.profile import Profile
from dajeong.records import Frozen

Severity = Literal["blocking", "warning", "note"]
NUM_EXAMPLES = 5


class Finding(Frozen):
    """Something that people should know of before they train on the file."""

    code: str
    """Name to allow it by; its sentence is `doctor-<code>` of `messages`."""
    severity: Severity
    count: int
    """Records, pairs or rows it concerns."""
    of: int
    """How many there are."""
    examples: tuple[str, ...] = ()
    """Ids of the first few; never a text."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """What the sentence names beside `count` and `of`."""


class Baseline(Frozen):
    """How often a judge that reads no prompt prefers the better response."""

    name: str
    kind: str
    """A kind of record; the empty string is all of them."""
    value: float
    low: float
    high: float
    n: int
    """Pairs."""


class Diagnosis(Frozen):
    profile: Profile
    findings: tuple[Finding, ...]
    """The gravest first."""
    baselines: tuple[Baseline, ...] = ()
    allowed: tuple[str, ...] = ()
    """Codes of blocking findings that were overridden by name."""

    @property
    def blocking(self) -> list[str]:
        """Codes that keep the file from being learned from."""
        return [
            each.code
            for each in self.findings
            if each.severity == "blocking" and each.code not in self.allowed
        ]
