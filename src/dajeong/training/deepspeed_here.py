"""DeepSpeed as we load it: quiet on stdout, and with nothing to compile. Knows no model.

Its logger writes to stdout, where our results go. On a CPU it would compile a collective through shared
memory at its first use, for minutes, and a killed compiler leaves a lock that the next run waits for: gloo
will do.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import torch

from dajeong.errors import EnvironmentProblem

COMPILED = "deepspeed_shm_comm"


def deepspeed_here() -> Any:
    """The module. Raises EnvironmentProblem where the extra is not installed."""
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # or it warns that it found nothing better
    try:
        import deepspeed
        import deepspeed.ops
        import deepspeed.utils.nvtx
    except ImportError as problem:
        raise EnvironmentProblem("extra-missing", needed_for="deepspeed", extra="deepspeed") from problem
    deepspeed.ops.__compatible_ops__[COMPILED] = False
    deepspeed.utils.nvtx.enable_nvtx = False  # marks for a profiler, around every call
    for handler in logging.getLogger("DeepSpeed").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
    return deepspeed
