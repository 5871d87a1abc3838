"""Templates: exact bytes, the learn mask, and that a user's text stays text.

Golden files show learned text in ⟦…⟧ and an end as `<end>`. Write them anew: python tests/test_templates.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.utils.chat_template_utils import render_jinja_template

from dajeong.errors import DataProblem, UsageProblem
from dajeong.records import Message
from dajeong.templates import TEMPLATES, Segment, Template, find_template, load_template, template_json

GOLDEN = Path(__file__).parent / "golden" / "templates"
EOS = "<|endoftext|>"


def user(content: str, context: str | None = None) -> Message:
    return Message(role="user", content=content, context=context)


def assistant(content: str) -> Message:
    return Message(role="assistant", content=content)


def system(content: str) -> Message:
    return Message(role="system", content=content)


SCENES: dict[str, list[Message]] = {
    "prompt": [user("인사해 줘.")],
    "prompt with context": [user("요약해 줘.", "오늘은 비가 왔다.")],
    "answered": [user("인사해 줘."), assistant("안녕하세요!")],
    "answered with context": [user("요약해 줘.", "오늘은 비가 왔다."), assistant("비 온 날.")],
    "several turns": [
        user("안녕?"),
        assistant("반가워요."),
        user("요약해 줘.", "비."),
        assistant("비.\n끝."),
    ],
    "system": [system("다정하게 답한다."), user("안녕?"), assistant("반가워요."), user("잘 자.")],
}


def shown(segments: Sequence[Segment]) -> str:
    """Text with the mask visible."""
    texts = [segment.text or "<end>" if segment.kind == "end" else segment.text for segment in segments]
    marked = [f"⟦{text}⟧" if segment.learn else text for text, segment in zip(texts, segments, strict=True)]
    return "".join(marked).replace("⟧⟦", "")


def golden_text(template: Template) -> str:
    return "".join(f"=== {scene}\n{shown(template.render(SCENES[scene]))}\n" for scene in SCENES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_renders_as_the_golden_file(name: str) -> None:
    assert golden_text(TEMPLATES[name]) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


# The published prompts without and with a context, written out in full, not composed as the source composes
# them: a shared part cannot hide a slip.
EXACT = json.loads((GOLDEN / "exact.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXACT)
def test_prompts_are_the_published_bytes(name: str) -> None:
    template = find_template(name)
    prompts = [template.render([user("질문", context)]) for context in (None, "맥락")]
    assert [[tuple(segment) for segment in prompt] for prompt in prompts] == [
        [(text, False, "text")] for text in EXACT[name]
    ]
    assert template.render([user("질문", "")]) == prompts[0], "an empty context is no context"


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("scene", SCENES)
def test_carries_itself_as_a_chat_template(name: str, scene: str) -> None:
    template, messages = TEMPLATES[name], SCENES[scene]
    ours = "".join(EOS if segment.kind == "end" else segment.text for segment in template.render(messages))
    plain = [message.model_dump(exclude_none=True) for message in messages]
    for add_generation_prompt in (False, True):
        rendered, _ = render_jinja_template(
            [plain],
            chat_template=template.jinja(),
            eos_token=EOS,
            add_generation_prompt=add_generation_prompt,
        )
        assert rendered == [ours]


@pytest.mark.parametrize("name", TEMPLATES)
def test_one_learned_end_per_answer(name: str) -> None:
    for messages in SCENES.values():
        segments = TEMPLATES[name].render(messages)
        answers = sum(message.role == "assistant" for message in messages)
        if name == "plain":
            answers = int(messages[-1].role == "assistant")
        assert sum(segment.kind == "end" and segment.learn for segment in segments) == answers


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_prompt_is_how_the_answered_dialogue_begins(name: str) -> None:
    template = TEMPLATES[name]
    for messages in SCENES.values():
        answered = template.render(messages)
        if messages[-1].role == "assistant" and name != "plain":
            prompt = template.render(messages[:-1])
            assert answered[: len(prompt)] == prompt
            assert all(segment.learn for segment in answered[len(prompt) :])


tricky = st.text(max_size=12) | st.sampled_from(
    [
        "<|endoftext|>",
        "{instruction}",
        "{input}",
        "{{ 1 }}",
        "{% if %}",
        "{0}",
        "%s",
        "### 응답:\n",
        "\\1",
        "\x00",
    ]
)


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - {"plain"}))
@given(question=tricky, context=tricky, answer=tricky)
def test_what_users_write_stays_as_it_is(name: str, question: str, context: str, answer: str) -> None:
    template = TEMPLATES[name]
    around = template.render([user("\ue000", "\ue001" if context else None)])[0].text
    before, _, rest = around.partition("\ue000")
    between, _, after = rest.partition("\ue001")
    segments = template.render([user(question, context), assistant(answer)])
    assert segments[0].text == before + question + between + (context + after if context else "")
    assert segments[1].text.removeprefix(" ") == answer.removeprefix(" ")
    assert [segment.kind for segment in segments] == ["text", "text", "end"]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [system("혼자")],
        [assistant("먼저")],
        [user("하나"), user("둘")],
        [user("하나"), assistant("둘"), assistant("셋")],
        [user("하나"), system("늦은 지시"), assistant("둘")],
        [Message.model_construct(role="robot", content="누구?")],
    ],
)
def test_roles_out_of_order_are_refused_by_name(messages: list[Message]) -> None:
    with pytest.raises(DataProblem) as caught:
        find_template("kullm").render(messages)
    assert caught.value.code == "template-roles" and caught.value.exit_code == 3
    assert all(message.role in str(caught.value) for message in messages)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageProblem) as caught:
        find_template("kulm")
    assert caught.value.parameters["nearest"] == "kullm"
    assert "koalpaca-v1.0" in str(caught.value) and caught.value.exit_code == 2


@pytest.mark.parametrize("name", TEMPLATES)
def test_survives_its_json(name: str) -> None:
    assert load_template(template_json(TEMPLATES[name])) == TEMPLATES[name]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"form": "poem"}', '{"form": "plain"}', '{"form": []}', "7"]
)
def test_a_broken_template_file_is_named(text: str) -> None:
    with pytest.raises(DataProblem) as caught:
        load_template(text)
    assert caught.value.code == "template-invalid"


def test_koalpaca_writes_the_blank_that_its_data_has_before_an_answer() -> None:
    template = find_template("koalpaca")
    assert template.render([user("왜?"), assistant("그냥요.")])[1] == Segment(" 그냥요.", True)
    assert template.render([user("왜?"), assistant(" 그냥요.")])[1] == Segment(" 그냥요.", True)


if __name__ == "__main__":
    for each in TEMPLATES.values():
        (GOLDEN / f"{each.name}.txt").write_text(golden_text(each), encoding="utf-8")
