"""Loading a base by name: a folder or a Hub id becomes a RoleModel and its tokenizer, or a clear refusal.

Reads safetensors only, runs no remote code, and refuses a model whose attention cannot be replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from dajeong.errors import EnvironmentProblem, UsageProblem
from dajeong.models.fitness import Needs, refuse_misfit
from dajeong.models.offload import spread
from dajeong.models.quantised import quantisation
from dajeong.models.roles import RoleModel, probe
from dajeong.models.runtime import device_of, dtype_of, quiet_transformers
from dajeong.models.settings import RuntimeSettings
from dajeong.models.tokenize import TextTokenizer

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
PROBE_TOLERANCE = 1e-2
"""Far above rounding in any type, far below a soft-capped or scaled head."""


class Base(NamedTuple):
    model: RoleModel
    tokenizer: TextTokenizer
    reference: str
    revision: str | None = None


def load_base(
    reference: str,
    runtime: RuntimeSettings | None = None,
    *,
    train_base: bool = False,
    revision: str | None = None,
    needs: Needs | None = None,
) -> Base:
    """The model `reference` names. Raises EnvironmentProblem where it is absent, unsafe or unsuitable, and,
    before any weight is read, what `refuse_misfit` raises where it lacks what a step `needs`.
    """
    quiet_transformers()
    settings = runtime or RuntimeSettings()
    device = device_of(settings)
    folder = Path(reference)
    if folder.exists():
        refuse_unsafe(folder)
    tokenizer = load_tokenizer(reference, revision)
    refuse_misfit(reference, _load_config(reference, revision), tokenizer, needs or Needs())
    dtype = torch.float32 if train_base else dtype_of(settings, device)
    placed = quantisation(settings.quantised, dtype, device, train_base) if settings.quantised else {}
    network = _load_network(reference, revision, dtype, placed)
    if not getattr(network, "_supports_attention_backend", False):
        raise EnvironmentProblem("attention-fixed", model=reference, family=type(network).__name__)
    streamed = device if settings.offload == "base" else None
    if streamed and train_base:
        raise UsageProblem("offload-full")
    if streamed:
        spread(network, network.get_submodule(network.base_model_prefix), device)
    elif not placed:
        network = network.to(device)
    model = RoleModel(
        network, train_base=train_base, checkpointing=settings.checkpointing, streamed_to=streamed
    )
    model.thrifty = settings.thrifty
    gap = probe(model, [tokenizer.eos_id, *range(min(8, tokenizer.vocab_size))])
    if gap > PROBE_TOLERANCE:
        raise EnvironmentProblem("head-differs", model=reference, gap=f"{gap:.3g}")
    return Base(model, TextTokenizer(tokenizer.huggingface, reference), reference, revision)


def refuse_unsafe(folder: Path) -> None:
    """Raises EnvironmentProblem unless the folder is a model whose weights are safetensors."""
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise EnvironmentProblem("model-is-adapter", path=folder)
        raise EnvironmentProblem("model-no-config", path=folder)
    if any(folder.glob("*.safetensors")):
        return
    for pattern in PICKLES:
        for pickle in sorted(folder.glob(pattern)):
            raise EnvironmentProblem("model-pickle", path=pickle)
    raise EnvironmentProblem("model-no-weights", path=folder)


def load_tokenizer(reference: str, revision: str | None = None) -> TextTokenizer:
    """The tokenizer alone. Raises EnvironmentProblem where there is none."""
    from transformers import AutoTokenizer

    if Path(reference).is_dir() and not (Path(reference) / "tokenizer.json").is_file():
        raise EnvironmentProblem("model-no-tokenizer", model=reference)
    try:
        tokenizer = AutoTokenizer.from_pretrained(reference, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as problem:
        raise EnvironmentProblem(
            "model-unreachable", model=reference, problem=first_line(problem)
        ) from problem
    return TextTokenizer(tokenizer, reference)


def _load_config(reference: str, revision: str | None) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(reference, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as problem:
        raise EnvironmentProblem(
            "model-unreachable", model=reference, problem=first_line(problem)
        ) from problem


def _load_network(reference: str, revision: str | None, dtype: torch.dtype, placed: Mapping[str, Any]) -> Any:
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM  # typed as if the loading report were never asked for
    try:
        network, report = loader.from_pretrained(
            reference,
            revision=revision,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **placed,
        )
    except (OSError, ValueError) as problem:
        raise EnvironmentProblem(
            "model-unreachable", model=reference, problem=first_line(problem)
        ) from problem
    lost = sorted(report["missing_keys"])
    if lost:
        raise EnvironmentProblem("model-keys-missing", model=reference, count=len(lost), first=lost[0])
    extra = sorted(report["unexpected_keys"])
    if extra:
        raise EnvironmentProblem("model-keys-unexpected", model=reference, count=len(extra), first=extra[0])
    return network


def first_line(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0][:200] if str(problem).strip() else type(problem).__name__
