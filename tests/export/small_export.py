"""A run's folder with a base, an adapter that does something, card and figures; and how it is handed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dajeong.export.handing_on import Handed, Wish, hand_on
from dajeong.models.adapters import AdapterNotes, save_role
from dajeong.models.base import load_base
from dajeong.models.card import CardFacts, Origin, card
from dajeong.models.full import save_full
from dajeong.models.load import load_chat
from dajeong.models.tokenize import prompt_ids, stop_ids
from dajeong.records import Decoding, Message, Result
from dajeong.rollout.engine import Request
from dajeong.rollout.native import NativeEngine
from dajeong.storage import write_json, write_text
from dajeong.templates import TEMPLATES

QUESTIONS = ("점심은?", "비가 오는 날에는요?", "Good morning!")
GREEDY = Decoding(temperature=0, max_new_tokens=12)


def card_text(name: str, role: str, base: str | None, licence: str = "Apache-2.0") -> str:
    origins = [Origin("sft", "data", "invented", licence, 30)]
    facts = CardFacts(
        name=name, kind="sft", role=role, base=base, base_licence="", base_counted=True, origins=origins,
        template="kullm", seed=1, settings={"updates": 3, "data": "/home/somebody/talk.jsonl"}, versions={},
    )  # fmt: skip
    return card(facts)


def make_run(run: Path, family_folder: Path, template: str = "koalpaca", licence: str = "Apache-2.0") -> Path:
    """The folder of a run with `models/base` and `models/policy`, as a finished run leaves them."""
    from families import add_drawn

    made = load_base(str(family_folder))
    save_full(made, "base", run / "models" / "base", None, card=card_text("base", "base", None, licence))
    base = load_base(str(run / "models" / "base"))
    add_drawn(base.model, "policy", seed=3)
    text = card_text("policy", "policy", "../base", licence)
    save_role(
        base, "policy", run / "models" / "policy", TEMPLATES[template], AdapterNotes(role="policy"), text
    )
    write_text(run / "recipe.yaml", "name: small\nsteps: {base: {use: base}, policy: {use: sft}}\n")
    rows = [figure("policy", 0.75), figure("policy", 0.25, "base"), figure("base", 0.5)]
    write_json(run / "results.json", [row.model_dump() for row in rows])
    return run


def figure(model: str, value: float | None, versus: str | None = None) -> Result:
    bounds: dict[str, Any] = {} if value is None else {"ci_low": value - 0.1, "ci_high": value + 0.1}
    return Result(
        model=model,
        task="smalltalk",
        metric="friendly",
        value=value,
        n=40,
        versus=versus,
        decoding="greedy",
        **bounds,
    )


def handed(run: Path, out: Path, form: str, **wish: Any) -> Handed:
    return hand_on(str(run), out, Wish(form=form, **wish))  # type: ignore[arg-type]


def our_answers(reference: Path) -> list[list[int]]:
    """The tokens of `dajeong chat` to each question when it always takes the likeliest one."""
    chat = load_chat(str(reference))
    ends = stop_ids(chat.template, chat.tokenizer)
    asked = [[Message(role="user", content=question)] for question in QUESTIONS]
    requests = [
        Request(tuple(prompt_ids(each, chat.template, chat.tokenizer)), 0, GREEDY, chat.role, ends)
        for each in asked
    ]
    return [list(completion.ids) for completion in NativeEngine(chat.model).generate(requests)]


def stock_answers(model: Any, tokenizer: Any) -> list[list[int]]:
    """The tokens of plain transformers, asked through the tokenizer's own chat template."""
    said = []
    for question in QUESTIONS:
        asked = [{"role": "user", "content": question}]
        ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt")[
            "input_ids"
        ]
        drawn = model.generate(ids, max_new_tokens=GREEDY.max_new_tokens, do_sample=False)
        said.append(drawn[0, ids.shape[1] :].tolist())
    return said
