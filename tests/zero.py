"""Tests of ZeRO need DeepSpeed, which has an environment of its own: `make zero`. None is skipped there."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

REQUIRED = os.environ.get("DAJEONG_ZERO") == "required"
"""Set by `make zero`: who lacks DeepSpeed there fails."""

needs_zero = (
    pytest.mark.zero,
    pytest.mark.timeout(600),  # of the first: it starts the pair of processes that all read from
    pytest.mark.skipif(
        not REQUIRED and find_spec("deepspeed") is None,
        reason="no deepspeed in this environment: make zero",
    ),
)
