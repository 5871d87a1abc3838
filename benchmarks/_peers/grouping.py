"""Which examples make up which update: an even choice of the batches of the Trainer's own length grouping.

argv: folder of the material. Prints groups of indices.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers.trainer_pt_utils import get_length_grouped_indices


def main() -> None:
    folder = Path(sys.argv[1])
    sft = json.loads((folder / "settings.json").read_text(encoding="utf-8"))["sft"]
    examples = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    lengths = [len(example["ids"]) for example in examples]
    order = get_length_grouped_indices(lengths, sft["batch"], generator=torch.Generator().manual_seed(0))
    size = sft["batch"]
    batches = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
    # one window of the grouping holds every length, longest first: the timed updates walk evenly through it
    window = min(len(lengths) // (size * 4), 50)
    count = sft["updates"]
    print(json.dumps([batches[(2 * place + 1) * window // (2 * count)] for place in range(count)]))


main()
