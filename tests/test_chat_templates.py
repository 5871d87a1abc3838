"""Chat templates: equal to transformers', masked right, harmless whatever their source or a user says."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.utils.chat_template_utils import render_jinja_template

from dajeong.chat_templates import JinjaTemplate
from dajeong.errors import DataProblem
from dajeong.records import Message
from dajeong.templates import Segment, load_template, template_json
from test_templates import SCENES, assistant, shown, system, user

GOLDEN = Path(__file__).parent / "golden" / "templates" / "chat"
BOS, EOS = "<bos>", "</s>"
ENDS = {
    "chatml": "<|im_end|>",
    "exaone-3.5": "[|endofturn|]",
    "gemma-3": "<end_of_turn>",
    "llama-2": EOS,
    "llama-3": "<|eot_id|>",
    "qwen-2.5": "<|im_end|>",
    "qwen-3": "<|im_end|>",
}


def chat(name: str) -> JinjaTemplate:
    source = (GOLDEN / f"{name}.jinja").read_text(encoding="utf-8")
    return JinjaTemplate(name=name, source=source, bos=BOS, eos=EOS)


def made(source: str) -> JinjaTemplate:
    return JinjaTemplate(name="made", source=source)


def text(segments: list[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def theirs(template: JinjaTemplate, messages: list[Message], add_generation_prompt: bool) -> str:
    plain = [{"role": message.role, "content": message.content} for message in messages]
    rendered, _ = render_jinja_template(
        [plain],
        chat_template=template.source,
        bos_token=BOS,
        eos_token=EOS,
        add_generation_prompt=add_generation_prompt,
        enable_thinking=False,
    )
    return str(rendered[0])


def golden_text(name: str) -> str:
    return "".join(f"=== {scene}\n{shown(chat(name).render(SCENES[scene]))}\n" for scene in SCENES)


@pytest.mark.parametrize("name", ENDS)
def test_renders_as_the_golden_file(name: str) -> None:
    assert golden_text(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


spaced = st.tuples(
    st.sampled_from(["", " ", "\n", "\n\n ", "\t"]),
    st.sampled_from(["안녕", "a b", "{{ 1 }}"]),
    st.sampled_from(["", " ", "\n", " \n\n", "\n \n"]),
).map("".join)


@pytest.mark.parametrize("name", ENDS)
@given(contents=st.lists(spaced, min_size=1, max_size=4), with_system=st.booleans())
def test_equals_transformers(name: str, contents: list[str], with_system: bool) -> None:
    speakers = itertools.cycle([user, assistant])
    messages = [speak(content) for speak, content in zip(speakers, contents, strict=False)]
    if with_system:
        messages = [system(contents[0]), *messages]
    asked = messages[-1].role == "user"
    assert text(chat(name).render(messages)) == theirs(chat(name), messages, add_generation_prompt=asked)


@pytest.mark.parametrize("name", ENDS)
def test_one_learned_end_per_answer(name: str) -> None:
    for messages in SCENES.values():
        segments = chat(name).render(messages)
        ends = [segment for segment in segments if segment.kind == "end"]
        answers = [message.content for message in messages if message.role == "assistant"]
        assert ends == [Segment(ENDS[name], True, "end")] * len(answers)
        learned = [segment.text for segment in segments if segment.learn and segment.kind == "text"]
        assert [piece.strip() for piece in learned if piece.strip()] == answers
    assert chat(name).end_texts() == {ENDS[name]}


@pytest.mark.parametrize("name", sorted(set(ENDS) - {"qwen-3"}))
def test_a_prompt_is_how_the_answered_dialogue_begins(name: str) -> None:
    messages = SCENES["several turns"]
    for number in (1, 3):
        prompt, answered = chat(name).render(messages[:number]), chat(name).render(messages[: number + 1])
        assert answered[: len(prompt)] == prompt


@given(
    content=st.sampled_from(
        [*ENDS.values(), "<|im_start|>system", "{{ messages }}", "\ue0f01\ue0f1", "<bos>"]
    )
)
@pytest.mark.parametrize("name", ENDS)
def test_control_tokens_in_a_message_stay_text(name: str, content: str) -> None:
    usual = chat(name).render([user("물음"), assistant("답")])
    hostile = chat(name).render([user(content), assistant(content)])
    swapped = [segment.text.replace("물음", content).replace("답", content) for segment in usual]
    assert hostile == [segment._replace(text=text) for segment, text in zip(usual, swapped, strict=True)]
    said = [segment.kind for segment in hostile if segment.text.strip() == content]
    assert said.count("text") == 2 and "control" not in said


def test_context_is_a_paragraph_after_the_content() -> None:
    assert chat("chatml").render([user("요약해 줘.", "비가 왔다.")])[1].text == "요약해 줘.\n\n비가 왔다."


def test_survives_its_json() -> None:
    assert load_template(template_json(chat("qwen-3"))) == chat("qwen-3")


SAY = "{{ message['content'] }}"
EACH = "{% for message in messages %}" + SAY


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        (EACH + "\n{% endfor %}", "template-not-closed", "<|im_end|>"),
        (EACH + "{% endfor %}", "template-not-closed", "''"),
        (EACH + "[끝]{% endfor %}", "template-not-closed", "[끝]"),
        ("{{ messages[0]['content'] }}<|im_end|>", "template-loses-text", "assistant"),
        (EACH + SAY + "<|im_end|>{% endfor %}", "template-loses-text", "2"),
        ("{% for message in messages %}{{ message['content'][:1] }}{% endfor %}", "template-loses-text", "0"),
        (
            "{{ raise_exception('System role not supported') }}",
            "template-failed",
            "System role not supported",
        ),
        ("{% for message in", "template-failed", "TemplateSyntaxError"),
    ],
)
def test_a_template_that_cannot_teach_an_end_is_refused(source: str, code: str, says: str) -> None:
    with pytest.raises(DataProblem) as caught:
        made(source).render([user("물음"), assistant("답")])
    assert caught.value.code == code and says in str(caught.value)


def test_the_missing_end_token_can_be_named() -> None:
    template = JinjaTemplate(name="made", source=EACH + "[끝]{% endfor %}", end_tokens=("[끝]",))
    assert template.render([user("물음"), assistant("답")])[-1] == Segment("[끝]", True, "end")


DOUBLED = "{% set x = 'xxxxxxxxxx' %}" + "{% set x = OPERATION %}" * 60
LONG = "{% set x = 'x' * 90000 %}"
HOSTILE = {
    "class": "{{ messages.__class__.__mro__ }}",
    "class by filter": "{{ ''|attr('__class__') }}",
    "globals": "{{ raise_exception.__globals__['json'] }}",
    "file": "{% include '/etc/passwd' %}",
    "namespace": "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
    "changes its input": "{{ messages.clear() }}",
    "long range": "{% for i in range(1000000000) %}{% endfor %}",
    "nested loops": "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
    "loops over text": "{% for a in 'xxxxxxxxxx' %}" * 15 + "{% endfor %}" * 15,
    "endless macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "branching macro": "{% macro f(n) %}{{ f(n-1) ~ f(n-1) if n else 1 }}{% endmacro %}{{ f(60) }}",
    "product": "{{ 'x' * 1000000000 }}",
    "list product": "{{ [1] * 1000000000 }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "percent": "{{ '%1000000000d' % 1 }}",
    "format": "{{ '{:1000000000}'.format(1) }}",
    "ljust": "{{ 'x'.ljust(1000000000) }}",
    "center": "{{ 'x'|center(1000000000) }}",
    "indent": "{{ 'x'|indent(1000000000, true) }}",
    "doubling by +": DOUBLED.replace("OPERATION", "x + x"),
    "doubling by ~": DOUBLED.replace("OPERATION", "x ~ x"),
    "doubling by blocks": "{% set x = 'xx' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 60,
    "replace": LONG + "{{ x.replace('x', x) }}",
    "replace by filter": LONG + "{{ x|replace('x', x) }}",
    "join": LONG + "{{ x|join(x) }}",
    "map": LONG + "{{ [x, x, x]|map('replace', 'x', x)|list }}",
    "deep": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "long": "x" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_ends_in_a_named_error(name: str) -> None:
    with pytest.raises(DataProblem) as caught:
        made(HOSTILE[name]).render([user("물음"), assistant("답")])
    assert caught.value.code == "template-failed"


if __name__ == "__main__":
    for each in ENDS:
        (GOLDEN / f"{each}.txt").write_text(golden_text(each), encoding="utf-8")
