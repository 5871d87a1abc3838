"""What other tools read as the chat template gives the ids, and the bytes, that ours gives."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from go_template import rendered
from small_export import handed
from tokenizers import processors
from transformers import PreTrainedTokenizerFast

from dajeong.chat_templates import JinjaTemplate
from dajeong.errors import DataProblem
from dajeong.export.chat_template import jinja_for, turns_of, written
from dajeong.export.ollama import go_template, modelfile
from dajeong.models.settings import TinySettings
from dajeong.models.tiny import END, tiny_tokenizer
from dajeong.models.tokenize import TextTokenizer, tokens_of
from dajeong.records import Decoding, Message
from dajeong.templates import TEMPLATES, Template

CHATML = JinjaTemplate(
    name="chatml",
    source="{%- for m in messages -%}{{ '<|im_start|>' + m.role + '\n' }}"
    "{{ m.content + '<|im_end|>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}",
    eos=END,
)
ALL: dict[str, Template] = {**TEMPLATES, "chatml": CHATML}
WORDS = [
    "오늘 점심은 김치찌개가 어때요?",
    "좋아요! 저는 된장찌개도 좋아해요.",
    "내일은 비가 온대요.",
    "우산을 챙기세요.",
]


def said(*roles: str, context: str | None = None) -> list[Message]:
    """Messages of these roles in turn; the first question has the context."""
    spoken = [{"role": role, "content": WORDS[place % 4]} for place, role in enumerate(roles)]
    first = roles.index("user")
    spoken[first] |= {"context": context} if context else {}
    return [Message.model_validate(message) for message in spoken]


TALKS = {
    "a question": said("user"),
    "an example": said("user", "assistant"),
    "several turns": said("user", "assistant", "user", "assistant", "user"),
    "a system message": said("system", "user", "assistant", "user"),
    "a context": said("user", "assistant", "user", context="메뉴: 김치찌개, 된장찌개"),
}


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    texts = [*WORDS, *(text for template in TEMPLATES.values() for text in shown(template))] * 3
    made = tiny_tokenizer(texts, TinySettings(vocabulary=900))
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    return TextTokenizer(made)


def shown(template: Template) -> list[str]:
    return [segment.text for segment in template.render(TALKS["several turns"])]


def stock_ids(tokenizer: TextTokenizer, template: Template, messages: list[Message]) -> list[int]:
    """Of plain transformers, which knows the exported Jinja and nothing else."""
    stock: Any = tokenizer.huggingface
    spoken = [message.model_dump(exclude_none=True) for message in messages]
    source, ours = jinja_for(template, tokenizer), messages[-1].role == "user"
    found = stock.apply_chat_template(spoken, chat_template=source, add_generation_prompt=ours)
    return list(found["input_ids"])


# no chat template of others knows a context
@pytest.mark.parametrize(
    ("name", "talk"), [pair for pair in itertools.product(ALL, TALKS) if pair != ("chatml", "a context")]
)
def test_apply_chat_template_gives_our_ids(tokenizer: TextTokenizer, name: str, talk: str) -> None:
    ours = tokens_of(TALKS[talk], ALL[name], tokenizer).ids
    theirs = stock_ids(tokenizer, ALL[name], TALKS[talk])
    assert theirs[: len(ours)] == ours and theirs[len(ours) :] in ([], tokenizer.encode("\n"))


def test_a_tokenizer_that_begins_with_bos_keeps_it(tokenizer: TextTokenizer) -> None:
    backend = type(tokenizer.huggingface.backend_tokenizer).from_str(
        tokenizer.huggingface.backend_tokenizer.to_str()
    )
    backend.post_processor = processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, 0)])
    llama = TextTokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=END, eos_token=END))
    assert llama.bos_id == 0
    for talk in ("a question", "several turns"):
        ours = tokens_of(TALKS[talk], TEMPLATES["kullm"], llama).ids
        assert ours[0] == 0 and stock_ids(llama, TEMPLATES["kullm"], TALKS[talk]) == ours
    assert stock_ids(tokenizer, TEMPLATES["kullm"], TALKS["a question"])[0] != 0


# --- Ollama


@pytest.mark.parametrize("talk", ["a question", "several turns", "a system message"])
@pytest.mark.parametrize("name", [name for name in ALL if name != "plain"])
def test_the_go_template_writes_the_same_bytes(name: str, talk: str) -> None:
    messages = TALKS[talk]
    go = go_template(turns_of(ALL[name], "", END))
    spoken = [{"role": message.role, "content": message.content} for message in messages]
    assert rendered(go, spoken) == written(ALL[name], messages, "", END)


def test_an_answer_that_begins_with_white_space_gets_no_second_blank() -> None:
    go = go_template(turns_of(TEMPLATES["koalpaca"], "", END))
    for answer in (" 네", "\n네", "네", ""):
        messages = [Message(role="user", content="가"), Message(role="assistant", content=answer)]
        messages.append(Message(role="user", content="나"))
        spoken = [{"role": message.role, "content": message.content} for message in messages]
        assert rendered(go, spoken) == written(TEMPLATES["koalpaca"], messages, "", END)


def test_text_that_looks_like_a_template_is_text() -> None:
    braces = TEMPLATES["kullm"].model_copy(update={"name": "braces"})
    block = braces.without_context.model_copy(update={"header": '{{ .System }} "quoted" \\ {% if %}\n'})  # type: ignore[attr-defined]
    hostile = braces.model_copy(update={"without_context": block})
    go = go_template(turns_of(hostile, "", END))
    assert rendered(go, [{"role": "user", "content": "{{ .Role }}"}]) == written(
        hostile, [Message(role="user", content="{{ .Role }}")], "", END
    )
    assert '"""' not in go


def test_plain_text_has_no_turns_of_its_own() -> None:
    """Nothing stands between an answer and the next question but a line break: no end is written there."""
    turns = turns_of(TEMPLATES["plain"], "", END)
    assert (turns.opening, turns.after_question, turns.after_answer) == ("", "", "\n")


def test_a_template_that_counts_its_turns_is_refused() -> None:
    counted = "{{ loop.index ~ m.content }}{{ eos_token if m.role == 'assistant' }}"
    source = f"{{%- for m in messages -%}}{counted}{{%- endfor -%}}"
    with pytest.raises(DataProblem, match="counting"):
        turns_of(JinjaTemplate(name="counting", source=source, eos=END), "", END)


def test_the_modelfile_stops_where_a_turn_ends(run: Path, tmp_path: Path) -> None:
    handed(run, tmp_path / "out", "ollama")
    found = (tmp_path / "out" / "Modelfile").read_text(encoding="utf-8")
    assert found.startswith('FROM ./model.gguf\nTEMPLATE """{{- range ')
    assert f'PARAMETER stop "{END}"' in found and "PARAMETER num_ctx 128" in found
    assert re.findall(r'"""', found) == ['"""'] * 2
    made = modelfile("m.gguf", turns_of(TEMPLATES["kullm"], "", END), ["끝"], None, Decoding(temperature=0))
    assert "num_ctx" not in made and "PARAMETER temperature 0\n" in made
