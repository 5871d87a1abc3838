"""The card of a model that is handed on, in Korean and English. Opens no file; holds no path and no data.

Lineage, licences, template, figures with their intervals, what it is for and what it cannot do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import yaml

from dajeong.models.card import WORDS, Origin, Word, head_of, named, origins_in, word_of
from dajeong.records import Result

Form = Literal["adapter", "merged", "gguf", "ollama"]
MAX_FIGURES = 60
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PATH = re.compile(r"(?:^|[\s'\"=:(])(?:/[\w.-]+){2,}|\.\./|[A-Za-z]:\\|\\\\[\w.-]+\\|~/")
_LIBRARIES = {"adapter": "peft", "merged": "transformers", "gguf": "gguf", "ollama": "gguf"}
_RELATIONS = {"adapter": "adapter", "merged": "finetune", "gguf": "quantized", "ollama": "quantized"}


class ModelFacts(NamedTuple):
    name: str
    form: Form
    base: str | None
    """A Hub id, or the name of a folder; None where its weights were made in the run."""
    card: str
    """What the run wrote of the model."""
    template: str
    template_shown: str
    """A prompt as the model reads it."""
    results: Sequence[Result]
    remarks: Mapping[str, str]
    """What the export measured: Korean sentence → English sentence."""


def model_card(facts: ModelFacts) -> str:
    """The whole README.md; the same facts give the same bytes."""
    head = yaml.safe_dump(_head(facts), allow_unicode=True, sort_keys=False, width=1000)
    body = [
        *_opening(facts),
        *_lineage(facts),
        *_use(facts),
        *_template(facts),
        *_figures(facts.results),
        *_limits(),
        *_making(facts.card),
    ]
    return f"---\n{head}---\n\n" + "\n".join(body) + "\n"


def _head(facts: ModelFacts) -> dict[str, Any]:
    old = head_of(facts.card)
    licence = {key: old[key] for key in ("license", "license_name") if isinstance(old.get(key), str)}
    public = facts.base is not None and _HUB_ID.fullmatch(facts.base)
    based = {"base_model": facts.base, "base_model_relation": _RELATIONS[facts.form]} if public else {}
    origins = origins_in(facts.card)
    datasets = sorted({origin.source for origin in origins if _HUB_ID.fullmatch(origin.source)})
    return {
        "language": ["ko"],
        **(licence or {"license": "other", "license_name": "unknown"}),
        **based,
        "library_name": _LIBRARIES[facts.form],
        "pipeline_tag": "text-generation",
        "tags": ["dajeong", "korean", "rlhf", *(["gguf"] if facts.form in ("gguf", "ollama") else [])],
        **({"datasets": datasets} if datasets else {}),
        "origins": [origin._asdict() for origin in origins],
        **_index(facts),
    }


def _index(facts: ModelFacts) -> dict[str, Any]:
    """The figures as the Hub reads them."""
    rows = [row for row in facts.results if row.versus is None][:MAX_FIGURES]
    if not rows:
        return {}
    results = [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": row.task, "type": row.task},
            "metrics": [{"type": row.metric, "value": row.value, "name": _metric_name(row)}],
        }
        for row in rows
    ]
    return {"model-index": [{"name": facts.name, "results": results}]}


def _metric_name(row: Result) -> str:
    return f"{row.metric} {_interval(row)}, n {row.n}" + (f", {row.decoding}" if row.decoding else "")


def _interval(row: Result) -> str:
    if row.ci_low is None or row.ci_high is None:
        return "[–]"
    return f"[{row.ci_low:.3f}, {row.ci_high:.3f}]"


def _opening(facts: ModelFacts) -> list[str]:
    remarks = [f"- {ko} {en}" for ko, en in facts.remarks.items()]
    return [
        f"# {named(facts.name)}",
        "",
        "다정(dajeong)으로 만든 한국어 대화 모델입니다. A Korean chat model made with dajeong.",
        "",
        *remarks,
        "",
    ]


def _lineage(facts: ModelFacts) -> list[str]:
    origins = origins_in(facts.card)
    words = [word_of(origin.licence) for origin in origins]
    word: Word = min(words, key=list(WORDS).index, default="unknown")
    base = "실행 안에서 만든 것 (made in the run)" if facts.base is None else named(facts.base)
    return [
        "## 계보와 이용 조건 · Lineage and licences",
        "",
        f"- 기반 모델 · base: {base}",
        f"- **{word}**: {WORDS[word]}",
        "",
        *_origin_rows(origins),
        "",
    ]


def _origin_rows(origins: Sequence[Origin]) -> list[str]:
    if not origins:
        return ["배운 자료의 출처가 적혀 있지 않습니다. What it learned from is not stated."]
    rows = [
        f"| {named(o.step)} | {named(o.source) or '?'} | {named(o.licence) or '?'} | {o.num_records} |"
        for o in origins
    ]
    return [
        "| 단계 · learned in | 출처 · source | 이용 조건 · licence | 수 · records |",
        "|---|---|---|---|",
        *rows,
    ]


_USE: dict[Form, tuple[str, ...]] = {
    "merged": (
        "from transformers import pipeline",
        'chat = pipeline("text-generation", model="FOLDER_OR_REPOSITORY")',
        'print(chat([{"role": "user", "content": "안녕하세요?"}])[0]["generated_text"][-1]["content"])',
    ),
    "adapter": (
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM",
        'base = AutoModelForCausalLM.from_pretrained("FOLDER/base")  # or the base named above',
        'model = PeftModel.from_pretrained(base, "FOLDER")',
    ),
    "gguf": ("llama-cli --model model.gguf --jinja",),
    "ollama": ("ollama create NAME -f Modelfile", "ollama run NAME"),
}


def _use(facts: ModelFacts) -> list[str]:
    return ["## 쓰는 법 · Use", "", *(f"    {line}" for line in _USE[facts.form]), ""]


def _template(facts: ModelFacts) -> list[str]:
    return [
        "## 대화 형식 · Template",
        "",
        f"`{facts.template}`. 질문 하나는 모델에게 이렇게 보입니다. One question as the model reads it:",
        "",
        *(f"    {line}" for line in facts.template_shown.split("\n")),
        "",
    ]


def _figures(results: Sequence[Result]) -> list[str]:
    title = ["## 결과 · Results", ""]
    if not results:
        return [*title, "잰 것이 없습니다. Nothing was measured.", ""]
    rows = [
        f"| {named(row.task)} | {named(row.metric)} | {_value(row)} {_interval(row)} | {row.n} "
        f"| {row.missing} | {named(row.decoding)} |"
        for row in results[:MAX_FIGURES]
    ]
    return [
        *title,
        "95 % 구간과 함께. 견준 값은 같은 문항끼리 짝지은 차이입니다. "
        "With 95 % intervals; comparisons are paired differences.",
        "",
        "| 과제 · task | 지표 · metric | 값 · value | n | 빠짐 · missing | 생성 · decoding |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
    ]


def _value(row: Result) -> str:
    assert row.value is not None
    return f"{row.value:.3f}" + (f" − {named(row.versus)}" if row.versus else "")


def _limits() -> list[str]:
    return [
        "## 쓰임과 한계 · Intended use and limits",
        "",
        "- 연구와 시험을 위한 것입니다. 사람에게 쓰기 전에 쓰려는 곳의 말로 다시 재세요. "
        "For research and trials; measure it on your own prompts before people depend on it.",
        "- 틀린 말을 그럴듯하게 할 수 있습니다. 의료, 법률, 금융의 조언으로 쓰지 마세요. "
        "It can be wrong with confidence; no advice on health, law or money.",
        "- 해롭지 않게 답하도록 가르쳤지만, 위에 적힌 자료와 수치 너머의 것은 보장하지 않습니다. "
        "It was taught to be harmless; nothing beyond the figures above is promised.",
        "- 위와 다른 형식으로 물으면 다른 모델처럼 답합니다. "
        "Asked in another template than the one above, it answers like another model.",
        "",
    ]


def _making(card: str) -> list[str]:
    """What the run's card says of its making, lines that name a place on a disk left out."""
    _, title, rest = card.partition("## How it was made · 만든 방법")
    return pathless(title + rest).rstrip().split("\n") if title else []


def pathless(text: str) -> str:
    """The text without the lines that name a place on a disk."""
    return "\n".join(line for line in text.split("\n") if not _PATH.search(line))
