"""Something to learn: a base that has read small talk for a while, and examples in KULLM's template.

argv: folder. Writes base/, talk.json (ids, prompt length) and held_out.json. Not timed.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from common import read

from dajeong.data.settings import SmalltalkSettings
from dajeong.data.smalltalk import World
from dajeong.models.tokenize import tokens_of
from dajeong.records import Dialogue
from dajeong.storage import write_records
from dajeong.templates import TEMPLATES
from dajeong.training.base import run
from dajeong.training.settings import BaseSettings, OptimizerSettings
from dajeong.workplace import Workplace


def main() -> None:
    folder = Path(sys.argv[1])
    settings = read(folder, "settings")
    torch.set_num_threads(settings["threads"])
    loss = settings["loss"]
    world = World(
        SmalltalkSettings(num_texts=loss["texts"], num_sft=loss["examples"], num_validation=loss["held_out"])
    )
    write_records(folder / "texts.jsonl", world.texts())
    work = Workplace(folder, "base", settings["seed"], {"text": (folder / "texts.jsonl",)})
    run(
        BaseSettings(
            updates=loss["pretraining"],
            tokens_per_update=512,
            max_tokens=160,
            optimizer=OptimizerSettings(learning_rate=4e-3),
        ),
        work,
    )
    shutil.move(work.model_folder, folder / "base")
    tokenizer = tokenizer_of(folder / "base")
    for name, split, count in (
        ("talk", "train", loss["examples"]),
        ("held_out", "validation", loss["held_out"]),
    ):
        rows = world.examples("sft" if name == "talk" else "validation", split, count)
        (folder / f"{name}.json").write_text(
            json.dumps([row_of(row, tokenizer) for row in rows]), encoding="utf-8"
        )
    print(json.dumps({"vocabulary": tokenizer.vocab_size}))


def tokenizer_of(folder: Path) -> Any:
    from transformers import AutoTokenizer

    from dajeong.models.tokenize import TextTokenizer

    return TextTokenizer(AutoTokenizer.from_pretrained(folder), str(folder))


def row_of(dialogue: Dialogue, tokenizer: Any) -> dict[str, Any]:
    tokens = tokens_of(dialogue.messages, TEMPLATES["kullm"], tokenizer, 160)
    return {"ids": tokens.ids, "prompt": tokens.learn.index(True)}


main()
