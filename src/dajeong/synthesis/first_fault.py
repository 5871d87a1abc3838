"""Rules in their order, and the first that something breaks. Knows no rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ParamSpec

P = ParamSpec("P")


def first_fault(
    rules: Mapping[str, Callable[P, str | None]], *seen: P.args, **named: P.kwargs
) -> tuple[str, str] | None:
    """(rule, what it saw) of the first rule that speaks against what is seen; None where none does."""
    for name, rule in rules.items():
        detail = rule(*seen, **named)
        if detail is not None:
            return name, detail
    return None
