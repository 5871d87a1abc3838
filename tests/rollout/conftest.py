"""The model pairs that several test files share."""

from __future__ import annotations

import pytest
from stock_twins import Pair, make_pair


@pytest.fixture(scope="module", params=["neox", "gpt2", "llama"])
def pair(request: pytest.FixtureRequest) -> Pair:
    return make_pair(request.param)


@pytest.fixture(scope="module", params=["neox", "llama"])
def roles_pair(request: pytest.FixtureRequest) -> Pair:
    return make_pair(request.param, ("sft", "policy"))
