"""Corpora of instructions: Alpaca and its kin, Dolly, GPT4ALL, evol-instruct, Self-Instruct. Reads no file.

Every function takes the source's name and one raw row. Variants of a schema are told apart by their keys.
"""

from __future__ import annotations

import re
from typing import Any

from dajeong.data.markup import has_markup, markdown_of
from dajeong.data.readers.fields import (
    RawRow,
    asked,
    context_of,
    exchange,
    list_of,
    present,
    text_of,
    wrong_type,
)
from dajeong.data.rows import Bad
from dajeong.records import Dialogue, Record, content_id

ASKS = ("instruction", "prompt", "question")
ANSWERS = ("output", "response", "answer", "completion")


def alpaca(name: str, row: RawRow) -> list[Record]:
    """`{instruction, input?, output}`, `{instruction, instances: [{input, output}]}` or `{input, output}`."""
    instruction = _instruction(row)
    if row.get("instances") is None:
        return [_instance(name, row, instruction, row)]
    instances = list_of(row, "instances")
    records = [_instance(name, row, instruction, instance) for instance in instances]
    if len(records) == 1:
        return list(records)
    return [record.model_copy(update={"id": f"{record.id}.{index}"}) for index, record in enumerate(records)]


def _instruction(row: RawRow) -> str:
    """Of rows without the key, `input` is the whole question."""
    if "input" in row and not any(key in row for key in ASKS):
        return ""
    return text_of(row, *ASKS)


def _instance(name: str, row: RawRow, instruction: str, instance: RawRow) -> Dialogue:
    answer = text_of(instance, *ANSWERS)
    return exchange(name, row, asked(instruction, context_of(instance, "input")), answer)


_KOALPACA_TEXT = re.compile(
    r"\s*### 질문:(?P<asked>.*?)\n\s*(?:### 맥락:(?P<context>.*?)\n\s*)?### 답변:(?P<answer>.*)", re.DOTALL
)


def koalpaca(name: str, row: RawRow) -> list[Record]:
    """v1.0 is Alpaca's schema, v1.1 has a `url` and no input, v1.1a is one text with headings."""
    if "text" not in row:
        return alpaca(name, row)
    found = _KOALPACA_TEXT.fullmatch(text_of(row, "text"))
    if not found:
        raise Bad("row-form", field="text", form="### 질문: … ### 답변: …")
    question = asked(found["asked"].strip(), (found["context"] or "").strip())
    return [exchange(name, row, question, found["answer"].strip())]


_CITATION = re.compile(r"(?<=[\w.,;:!?)\"”’'\]])\s?\[\d{1,3}\]")


def dolly(name: str, row: RawRow) -> list[Record]:
    """`{instruction, context, response, category}`; Wikipedia's numbered citations are cut."""
    context = _CITATION.sub("", context_of(row, "context", "input"))
    meta = {"category": text_of(row, "category", missing="")}
    question = asked(text_of(row, "instruction"), context)
    return [exchange(name, row, question, text_of(row, "response", "output"), meta=meta)]


def gpt4all(name: str, row: RawRow) -> list[Record]:
    """`{prompt, response, source?}`, either a text or `{value}` / `{description}`; prompts may be HTML."""
    question, answer = (_gpt4all_text(*present(row, key)) for key in ("prompt", "response"))
    meta = {"origin": text_of(row, "source", missing="")}
    return [exchange(name, row, asked(question), re.sub(r"(?:\s*</s>)+\s*\Z", "", answer), meta=meta)]


def _gpt4all_text(key: str, value: Any) -> str:
    if isinstance(value, dict):
        return _gpt4all_text(key, present(value, "value", "description")[1])
    if not isinstance(value, str):
        raise wrong_type(key, value, "text, or an object with `value` or `description`")
    return markdown_of(value) if has_markup(value) else value


def self_instruct(name: str, row: RawRow) -> list[Record]:
    """Seeds: `{id, name, instruction, instances, is_classification}`."""
    meta = {"name": text_of(row, "name", missing=""), "classification": row.get("is_classification") is True}
    return [record.model_copy(update={"meta": meta}) for record in alpaca(name, row)]


def evol_seeds(name: str, row: RawRow) -> list[Record]:
    """Seeds of evol-instruct: `{idx, Skill, Difficulty, Instruction}`; prompts without an answer."""
    prompt = text_of(row, "Instruction", "instruction")
    meta = {"skill": row.get("Skill"), "difficulty": row.get("Difficulty")}
    return [Dialogue(id=content_id(name, prompt), source=name, messages=(asked(prompt),), meta=meta)]
