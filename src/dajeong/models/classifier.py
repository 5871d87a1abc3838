"""A sequence-classification model by name: any architecture, its own tokenizer, safetensors only.

Reads prepared inputs of equal length side by side, so that nothing is ever padded. Knows no dialogue.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from dajeong.errors import EnvironmentProblem
from dajeong.models.base import first_line, refuse_unsafe
from dajeong.models.runtime import device_of, dtype_of, quiet_transformers
from dajeong.models.settings import RuntimeSettings

TOKENS = 4096
"""Token budget of one forward."""

Inputs = Mapping[str, Sequence[int]]
"""What the tokenizer makes of one text: `input_ids`, `attention_mask`…, of equal length."""


class Classifier:
    """Texts' inputs in, one row of logits each out."""

    def __init__(self, network: Any, tokenizer: Any, reference: str) -> None:
        self.network, self.tokenizer, self.reference = network, tokenizer, reference
        self.labels: dict[int, str] = {
            int(index): str(name) for index, name in network.config.id2label.items()
        }
        self.exclusive = len(self.labels) > 1 and network.config.problem_type != "multi_label_classification"
        """Whether one text has one class: softmax over the logits; else a sigmoid of each."""
        self._accepted = set(inspect.signature(network.forward).parameters)

    @property
    def max_tokens(self) -> int:
        """Longest input; the tokenizers of some models say a number beyond all reason."""
        positions = getattr(self.network.config.get_text_config(), "max_position_embeddings", None)
        stated = int(self.tokenizer.model_max_length)
        return min(stated, int(positions)) if positions else stated

    def logits(self, texts: Sequence[Inputs]) -> list[list[float]]:
        """One row per text, in float32, in the order given.

        Each is read as the model's own code reads it alone: where it looks for padding, none was added.
        """
        rows: dict[int, list[float]] = {}
        for indices in self._groups(texts):
            names = [name for name in texts[indices[0]] if name in self._accepted]
            columns = {name: [list(texts[index][name]) for index in indices] for name in names}
            tensors = {
                name: torch.tensor(values, device=self.network.device) for name, values in columns.items()
            }
            with torch.no_grad():
                found = self.network(**tensors).logits.float().cpu().tolist()
            rows.update(zip(indices, found, strict=True))
        return [rows[index] for index in range(len(texts))]

    def _groups(self, texts: Sequence[Inputs]) -> list[list[int]]:
        """Texts of one length, at most `TOKENS` tokens together; one by one where no padding is known."""
        by_length: defaultdict[int, list[int]] = defaultdict(list)
        for index, text in enumerate(texts):
            by_length[len(text["input_ids"])].append(index)
        alone = self.network.config.get_text_config().pad_token_id is None
        groups = []
        for length, indices in sorted(by_length.items()):
            size = 1 if alone else max(1, TOKENS // max(1, length))
            groups += [indices[start : start + size] for start in range(0, len(indices), size)]
        return groups


def load_classifier(reference: str, runtime: RuntimeSettings | None = None) -> Classifier:
    """Raises EnvironmentProblem where the model is absent, unsafe, or has no classification head."""
    quiet_transformers()
    settings = runtime or RuntimeSettings()
    device = device_of(settings)
    if Path(reference).exists():
        refuse_unsafe(Path(reference))
    network, tokenizer = _loaded(reference, dtype_of(settings, device))
    return Classifier(network.to(device).eval().requires_grad_(False), tokenizer, reference)


def _loaded(reference: str, dtype: torch.dtype) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    loader: Any = AutoModelForSequenceClassification
    try:
        tokenizer = AutoTokenizer.from_pretrained(reference, trust_remote_code=False)
        network, report = loader.from_pretrained(
            reference, dtype=dtype, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except (OSError, ValueError) as problem:
        raise EnvironmentProblem(
            "model-unreachable", model=reference, problem=first_line(problem)
        ) from problem
    lost = sorted(report["missing_keys"])
    if lost:
        raise EnvironmentProblem("classifier-no-head", model=reference, count=len(lost), first=lost[0])
    return network, tokenizer
