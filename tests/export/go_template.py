"""As much of Go's text/template as an exported TEMPLATE uses; anything else is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

_ACTION = re.compile(r'\{\{(- )?((?:"(?:[^"\\]|\\.)*"|[^"])*?)( -)?\}\}', re.DOTALL)
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\(|\)|[^\s()]+')


def rendered(source: str, messages: Sequence[dict[str, str]]) -> str:
    """What Ollama writes of a conversation."""
    found = list(_actions(source))
    text, rest = _block(found, {"Messages": list(messages)})
    assert not rest, rest
    return text


def _actions(source: str) -> Iterator[tuple[str, str]]:
    """("text", …) and ("action", …) in order; a dash eats the white space on its side."""
    place, eaten = 0, False
    for match in _ACTION.finditer(source):
        text = source[place : match.start()]
        text = text.lstrip() if eaten else text
        yield "text", text.rstrip() if match[1] else text
        yield "action", match[2].strip()
        place, eaten = match.end(), bool(match[3])
    yield "text", source[place:].lstrip() if eaten else source[place:]


def _block(items: list[tuple[str, str]], scope: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """The text up to this block's `else` or `end`, and what is left with that in front."""
    written: list[str] = []
    while items:
        kind, body = items[0]
        if kind == "action" and (body == "end" or body.split()[0] == "else"):
            break
        items = items[1:]
        if kind == "text":
            written.append(body)
        elif body.startswith("range "):
            text, items = _range(items, scope)
            written.append(text)
        elif body.startswith("if "):
            text, items = _if(body[3:], items, scope)
            written.append(text)
        else:
            written.append(str(_value(_WORD.findall(body), scope)))
    return "".join(written), items


def _range(items: list[tuple[str, str]], scope: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    texts = []
    rest = items
    for index, message in enumerate(scope["Messages"]):
        text, rest = _block(
            items, {**scope, "$index": index, "Role": message["role"], "Content": message["content"]}
        )
        texts.append(text)
    return "".join(texts), rest[1:]


def _if(
    condition: str, items: list[tuple[str, str]], scope: dict[str, Any]
) -> tuple[str, list[tuple[str, str]]]:
    """The first branch whose condition holds; the others are read and thrown away."""
    chosen, taken = "", False
    while True:
        holds = not taken and (condition == "" or bool(_value(_WORD.findall(condition), scope)))
        text, items = _block(items, scope) if holds else ("", _skipped(items))
        chosen, taken = (text, True) if holds else (chosen, taken)
        (_, body), items = items[0], items[1:]
        if body == "end":
            return chosen, items
        condition = body.removeprefix("else").strip().removeprefix("if").strip()


def _skipped(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
    depth = 0
    for place, (kind, body) in enumerate(items):
        if kind == "action" and depth == 0 and (body == "end" or body.split()[0] == "else"):
            return items[place:]
        if kind == "action" and body.split()[0] in ("if", "range"):
            depth += 1
        elif kind == "action" and body == "end":
            depth -= 1
    raise AssertionError("a block without its end")


def _value(words: list[str], scope: dict[str, Any]) -> Any:
    name, arguments = words[0], _arguments(words[1:], scope)
    if name == "eq":
        return arguments[0] == arguments[1]
    if name == "ne":
        return arguments[0] != arguments[1]
    if name == "and":
        return all(arguments)
    if name == "slice":  # of bytes, as Go's
        return arguments[0].encode()[arguments[1] : arguments[2]].decode("utf-8", "surrogateescape")
    assert not arguments, words
    return _atom(name, scope)


def _arguments(words: list[str], scope: dict[str, Any]) -> list[Any]:
    found, place = [], 0
    while place < len(words):
        if words[place] != "(":
            found.append(_atom(words[place], scope))
            place += 1
            continue
        depth, end = 1, place + 1
        while depth:
            depth += {"(": 1, ")": -1}.get(words[end], 0)
            end += 1
        found.append(_value(words[place + 1 : end - 1], scope))
        place = end
    return found


def _atom(word: str, scope: dict[str, Any]) -> Any:
    if word.startswith('"'):
        return json.loads(word)
    return int(word) if word.isdigit() else scope[word.removeprefix(".")]
