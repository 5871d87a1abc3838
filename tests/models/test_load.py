"""A chat model from whatever names it: adapter, whole model, run folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dajeong.chat_templates import JinjaTemplate
from dajeong.errors import EnvironmentProblem
from dajeong.models.adapters import AdapterNotes, save_role
from dajeong.models.base import Base, load_base
from dajeong.models.load import load_chat
from dajeong.models.settings import LoraSettings, TinySettings
from dajeong.models.tiny import write_tiny
from dajeong.records import Decoding, Message
from dajeong.rollout.native import NativeEngine
from dajeong.rollout.reply import Writer
from dajeong.templates import TEMPLATES

TINY = TinySettings(layers=1, hidden=16, heads=2, vocabulary=320, positions=128)


def adapter(base: Base, folder: Path, role: str, seed: int) -> None:
    base.model.add_role(role, LoraSettings(rank=2), trainable=False, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in base.model.role_layers().values():
            layer.B[role].normal_(0, 0.5, generator=generator)
    if role == "reward":
        base.model.add_head(role, trainable=False)
    save_role(base, role, folder, TEMPLATES["koalpaca"], AdapterNotes(role=role))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps whose last makes no model to talk to."""
    folder = tmp_path_factory.mktemp("run")
    write_tiny(folder / "models" / "base", ["점심은 김치찌개가 좋겠어요."] * 4, TINY, seed=0)
    base = load_base(str(folder / "models" / "base"))
    for seed, (name, role) in enumerate({"sft": "sft", "aligned": "policy", "judge": "reward"}.items()):
        adapter(base, folder / "models" / name, role, seed)
    steps = ("base", "sft", "aligned", "judge", "report")
    text = "steps:\n" + "".join(f"  {step}: {{use: {step}}}\n" for step in steps)
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    return folder


def test_an_adapter_answers_under_its_own_template(run: Path) -> None:
    chat = load_chat(str(run / "models" / "sft"))
    assert (chat.role, chat.name, chat.template.name) == ("policy", "sft", "koalpaca")
    stream = Writer(chat, NativeEngine(chat.model)).stream(
        [Message(role="user", content="점심?")], Decoding(max_new_tokens=5), seed=0
    )
    assert "".join(stream) is not None


def test_a_run_answers_with_its_last_policy(run: Path) -> None:
    assert load_chat(str(run)).name == "aligned"


def test_a_bare_model_speaks_plain_text_or_its_own_chat_template(run: Path) -> None:
    folder = run / "models" / "base"
    chat = load_chat(str(folder))
    assert (chat.role, chat.name, chat.template.name) == (None, "base", "plain")
    source = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{{ eos_token }}{% endfor %}"
    (folder / "chat_template.jinja").write_text(source, encoding="utf-8")
    try:
        template = load_chat(str(folder)).template
        assert isinstance(template, JinjaTemplate) and template.eos == "<|endoftext|>"
    finally:
        (folder / "chat_template.jinja").unlink()


def test_a_run_that_has_made_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(EnvironmentProblem) as caught:
        load_chat(str(tmp_path))
    assert caught.value.code == "run-no-model"
