"""Keys and shuffles are the same everywhere, and distinct; a device that is not there is refused."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dajeong.errors import EnvironmentProblem
from dajeong.models.runtime import device_of, dtype_of, key, permutation
from dajeong.models.settings import RuntimeSettings

parts = st.lists(st.one_of(st.integers(), st.text(st.characters(exclude_characters="\x1f"))), min_size=1)
needs_no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")


def test_keys_are_what_they_always_were() -> None:
    """A run that is resumed with a newer version must draw the same."""
    assert key(0, "rollout", 3, 7) == 966360757454419455
    assert permutation(6, 1, "prompts", 0) == [3, 4, 2, 0, 5, 1]


def test_another_process_draws_the_same() -> None:
    code = "from dajeong.models.runtime import *; print(key('가', 1), permutation(5, '나'))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
    assert done.stdout.decode("utf-8").strip() == f"{key('가', 1)} {permutation(5, '나')}"


@given(first=parts, second=parts)
def test_other_parts_other_keys(first: list[int | str], second: list[int | str]) -> None:
    same = [str(part) for part in first] == [str(part) for part in second]
    assert (key(*first) == key(*second)) == same
    assert 0 <= key(*first) < 2**63


def test_parts_do_not_run_together() -> None:
    assert key(1, 23) != key(12, 3) and key("a", "b") != key("ab") and key(1, "") != key(1)


@given(count=st.integers(0, 50), seed=st.integers())
def test_a_permutation_holds_everything_once(count: int, seed: int) -> None:
    found = permutation(count, seed)
    assert sorted(found) == list(range(count)) and found == permutation(count, seed)


def test_other_keys_shuffle_otherwise() -> None:
    assert len({tuple(permutation(20, 0, "epoch", epoch)) for epoch in range(50)}) == 50


def test_shuffling_leaves_the_global_state_alone() -> None:
    before = torch.get_rng_state()
    permutation(10, 1)
    assert torch.equal(torch.get_rng_state(), before)


@needs_no_cuda
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        device_of(RuntimeSettings(device=device))
    assert (caught.value.code, caught.value.exit_code) == ("no-device", 4)
    assert device in str(caught.value)


@pytest.mark.parametrize("device", ["gpu", "cpu:x", "", "tpu", "meta"])
def test_a_name_that_is_no_device_is_refused(device: str) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        device_of(RuntimeSettings(device=device))
    assert caught.value.code == "no-device"


@needs_no_cuda
def test_auto_takes_what_there_is() -> None:
    cpu = device_of(RuntimeSettings())
    assert cpu == torch.device("cpu") == device_of(RuntimeSettings(device="cpu"))
    assert dtype_of(RuntimeSettings(), cpu) == torch.float32


def test_types() -> None:
    cuda = torch.device("cuda")
    assert dtype_of(RuntimeSettings(), cuda) == torch.bfloat16
    assert dtype_of(RuntimeSettings(dtype="float32"), cuda) == torch.float32
    assert dtype_of(RuntimeSettings(dtype="bfloat16"), torch.device("cpu")) == torch.bfloat16
