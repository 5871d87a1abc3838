"""A base in 8 or 4 bits (Dettmers et al. 2022, 2023) by bitsandbytes: how transformers is asked for it.

Its layers derive from torch's Linear and are a black box to adapters, which stay float32.
"""

from __future__ import annotations

import importlib.util
from typing import Any, Literal

import torch

from dajeong.errors import EnvironmentProblem, UsageProblem

NEEDED = ("bitsandbytes", "accelerate")


def quantisation(
    quantised: Literal["8bit", "4bit"], dtype: torch.dtype, device: torch.device, train_base: bool
) -> dict[str, Any]:
    """Options of `from_pretrained`. Raises UsageProblem for a base that is to be trained, EnvironmentProblem
    where the extra is not installed.
    """
    if train_base:
        raise UsageProblem("quantised-full", quantised=quantised)
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            raise EnvironmentProblem("extra-missing", needed_for=package, extra="quantised")
    from transformers import BitsAndBytesConfig

    asked = (
        BitsAndBytesConfig(load_in_8bit=True)
        if quantised == "8bit"
        else BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)
    )
    return {"quantization_config": asked, "device_map": {"": device}}
