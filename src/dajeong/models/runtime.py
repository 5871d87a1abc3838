"""Where tensors live and where randomness comes from: every draw is keyed by its purpose, none is stored."""

from __future__ import annotations

import hashlib
import os

import torch

from dajeong.errors import EnvironmentProblem
from dajeong.models.settings import RuntimeSettings


def device_of(settings: RuntimeSettings) -> torch.device:
    """The device asked for. Raises EnvironmentProblem where it is not there."""
    named = settings.device
    if named == "auto":  # each process of a node has a card of its own
        named = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(named)
    except RuntimeError as problem:  # no such name
        raise EnvironmentProblem("no-device", device=named) from problem
    there = {"cpu": 1, "cuda": torch.cuda.device_count()}
    if (device.index or 0) >= there.get(device.type, 0):
        raise EnvironmentProblem("no-device", device=named)
    return device


def dtype_of(settings: RuntimeSettings, device: torch.device) -> torch.dtype:
    if settings.dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return torch.bfloat16 if settings.dtype == "bfloat16" else torch.float32


def key(*parts: object) -> int:
    """A seed for one draw: (run seed, purpose, step, rank, item…) → 63 bits."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def permutation(count: int, *parts: object) -> list[int]:
    """A shuffle of range(count) that depends on its key alone."""
    generator = torch.Generator().manual_seed(key(*parts))
    return torch.randperm(count, generator=generator).tolist()


def quiet_transformers() -> None:
    """Its bars and advice would run into ours; errors still come as exceptions."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
