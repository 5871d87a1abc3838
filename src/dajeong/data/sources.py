"""How each raw format says what it says: one function a source, a row in, records out. Reads no file.

A function raises `Bad` for a row it cannot understand; whether a record is any good is decided by `clean`.
To add a source: a function and its line in SOURCES.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from dajeong.data.rows import Bad
from dajeong.data.settings import Repeats
from dajeong.errors import DataProblem, UsageProblem
from dajeong.records import Dialogue, Message, Preference, Record, Response, content_id
from dajeong.templates import check_roles

RawRow = Mapping[str, Any]


class Source(NamedTuple):
    records: Callable[[str, RawRow], Sequence[Record]]
    """The source's name and a row → its records, licence left open. Raises Bad."""
    licence: str = ""
    repeats: Repeats = "record"
    """What of a record must not come twice, unless the recipe says otherwise."""


def alpaca(name: str, row: RawRow) -> list[Record]:
    """`{instruction, input?, output}`, or `{instruction, instances: [{input, output}]}`."""
    instruction = _text(row, "instruction", "prompt")
    instances = _instances(row)
    records: list[Record] = []
    for index, instance in enumerate(instances):
        context = _text(instance, "input", missing="")
        output = _text(instance, "output", "response", "answer")
        asked = _asked(instruction, context)
        identity = _identity(name, row, instruction, context, output)
        records.append(
            Dialogue(
                id=f"{identity}.{index}" if len(instances) > 1 else identity,
                source=name,
                messages=(asked, Message(role="assistant", content=output)),
            )
        )
    return records


def _asked(instruction: str, context: str) -> Message:
    """Some rows put the whole question into `input`; then it is the instruction."""
    if not instruction.strip():
        return Message(role="user", content=context)
    return Message(role="user", content=instruction, context=context if context.strip() else None)


def _instances(row: RawRow) -> list[RawRow]:
    instances = row.get("instances")
    if instances is None:
        return [row]
    if not isinstance(instances, list) or not all(isinstance(each, dict) for each in instances):
        raise _wrong_type("instances", instances, "a list of objects")
    return instances


def conversation(name: str, row: RawRow) -> list[Record]:
    """`{messages: [{role, content}]}`, or ShareGPT's `{conversations: [{from, value}]}`."""
    messages = _messages(_present(row, "messages", "conversations")[1])
    texts = [f"{message.role}\x1e{message.content}" for message in messages]
    return [Dialogue(id=_identity(name, row, *texts), source=name, messages=messages)]


def own(name: str, row: RawRow) -> list[Record]:
    """This project's own records: a Preference where there is a ranking, else a Dialogue."""
    kind: type[Record] = Preference if "ranking" in row else Dialogue
    try:
        return [kind.model_validate(row)]
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or kind.__name__
        raise Bad("row-record", kind=kind.__name__, field=field, problem=first["msg"]) from problem


def preference(name: str, row: RawRow) -> list[Record]:
    """`{prompt?, chosen, rejected}`, each text or messages; else the prompt is what both sides begin with."""
    sides = [_present(row, side)[1] for side in ("chosen", "rejected")]
    key = next((key for key in ("prompt", "instruction") if row.get(key) is not None), None)
    if key is None:
        prompt, answers = _split_sides([_messages(side) for side in sides])
    else:
        prompt = _prompt(key, row[key])
        answers = [_answer(field, side) for field, side in zip(("chosen", "rejected"), sides, strict=True)]
    _check_order([*prompt, Message(role="assistant", content=answers[0])])
    return [
        Preference(
            id=_identity(name, row, *(message.content for message in prompt), *answers),
            source=name,
            prompt=prompt,
            responses=tuple(Response(content=answer) for answer in answers),
            ranking=((0,), (1,)),
            labelled_by=str(row.get("labelled_by") or f"source:{name}"),
        )
    ]


def _prompt(key: str, value: Any) -> tuple[Message, ...]:
    if isinstance(value, str):
        return (Message(role="user", content=value),)
    if isinstance(value, list):
        return _messages(value)
    raise _wrong_type(key, value, "text or messages")


def _answer(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _as_messages(value)[-1].content
    raise _wrong_type(key, value, "text or messages")


def _split_sides(sides: Sequence[tuple[Message, ...]]) -> tuple[tuple[Message, ...], list[str]]:
    prompts = [side[:-1] for side in sides]
    if prompts[0] != prompts[1] or any(side[-1].role != "assistant" for side in sides):
        raise Bad("row-sides")
    return prompts[0], [side[-1].content for side in sides]


def vaiv_instructions(name: str, row: RawRow) -> list[Record]:
    """VAIV's SFT set (`instructions_all.jsonl`): Alpaca rows whose id tells the kind."""
    return [record.model_copy(update={"kind": vaiv_kind(row)}) for record in alpaca(name, row)]


def vaiv_preference(name: str, row: RawRow) -> list[Record]:
    """VAIV's pairs: `data_final` was labelled by GPT-4 (its rows have an `id2`), `finalSet` by people."""
    labelled_by = "judge:g-eval" if "id2" in row else "human:vaiv"
    update = {"kind": vaiv_kind(row), "labelled_by": labelled_by}
    return [record.model_copy(update=update) for record in preference(name, row)]


def vaiv_prompts(name: str, row: RawRow) -> list[Record]:
    """VAIV's prompts for reward and PPO: `{id, prompt}`, earlier `{id3, prompt}`, or a line of text."""
    prompt = _text(row, "prompt", "text")
    identity = row.get("id3") or row.get("id")
    identity = f"{name}:{identity}" if identity is not None else content_id(name, prompt)
    message = Message(role="user", content=prompt)
    return [Dialogue(id=identity, source=name, kind=vaiv_kind(row), messages=(message,))]


_VAIV_KINDS = (
    ("conversation", "talk"),
    ("conversaion", "talk"),  # upstream's spelling in the reward model's training files
    ("hatespeech", "abusive"),
    ("translation", "translation"),
    ("evol", "general"),
    ("selfinstruct", "general"),
)


def vaiv_kind(row: RawRow) -> str:
    """What kind of talk a VAIV row is, told from its id."""
    identity = str(row.get("id3") or row.get("id") or "").lower()
    return next((kind for prefix, kind in _VAIV_KINDS if identity.startswith(prefix)), "general")


def _present(row: RawRow, *names: str) -> tuple[str, Any]:
    """The first of `names` that the row has."""
    for name in names:
        if name in row:
            return name, row[name]
    columns = ", ".join(str(column) for column in row)[:100] or "–"
    raise Bad("row-field", field=" / ".join(names), columns=columns)


def _text(row: RawRow, *names: str, missing: str | None = None) -> str:
    """The text of the first of `names`; `missing` stands for null or no such key, where it is given."""
    if missing is not None and all(row.get(name) is None for name in names):
        return missing
    name, value = _present(row, *names)
    if not isinstance(value, str):
        raise _wrong_type(name, value, "text")
    return value


def _wrong_type(field: str, value: Any, expected: str) -> Bad:
    return Bad("row-type", field=field, found=type(value).__name__, expected=expected)


_ROLES: dict[str, Any] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
}


def _as_messages(value: Any) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        raise _wrong_type("messages", value, "a list of messages")
    return tuple(_message(turn) for turn in value)


def _message(turn: RawRow) -> Message:
    role = _text(turn, "role", "from")
    if role.lower() not in _ROLES:
        raise Bad("row-role", role=role[:40], known=", ".join(_ROLES))
    content, context = _text(turn, "content", "value"), _text(turn, "context", missing="")
    return Message(role=_ROLES[role.lower()], content=content, context=context or None)


def _messages(value: Any) -> tuple[Message, ...]:
    messages = _as_messages(value)
    _check_order(messages)
    return messages


def _check_order(messages: Sequence[Message]) -> None:
    try:
        check_roles(messages, "")
    except DataProblem as problem:
        raise Bad("row-roles", roles=problem.parameters["roles"]) from problem


def _identity(name: str, row: RawRow, *texts: str) -> str:
    given = row.get("id")
    usable = isinstance(given, int) or (isinstance(given, str) and given.strip())
    return f"{name}:{given}" if usable else content_id(name, *texts)


VAIV_TERMS = "unstated (texts of NIKL and AIHub under their own terms)"

SOURCES: dict[str, Source] = {
    "alpaca": Source(alpaca, repeats="prompt"),
    "messages": Source(conversation),
    "dajeong": Source(own),
    "preference": Source(preference),
    "vaiv-sft": Source(vaiv_instructions, VAIV_TERMS, repeats="prompt"),
    "vaiv-preference": Source(vaiv_preference, VAIV_TERMS),
    "vaiv-prompts": Source(vaiv_prompts, VAIV_TERMS, repeats="prompt"),
}


def find_source(name: str) -> Source:
    """A source by its name. Raises UsageProblem with the nearest name."""
    if name in SOURCES:
        return SOURCES[name]
    nearest = difflib.get_close_matches(name, SOURCES, n=1, cutoff=0.0)
    raise UsageProblem("source-unknown", name=name, nearest=nearest[0], known=", ".join(SOURCES))
