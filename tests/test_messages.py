"""Every sentence exists in both languages with the same placeholders; codes in use exist; none is idle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from string import Formatter

import pytest

from dajeong import errors
from dajeong.messages import MESSAGES, Sentence, choose_language, language, text
from source_tree import Module, calls, modules, parsed, place

READERS = [module for module in modules() if module.name not in ("dajeong", "dajeong.messages")]
SPEAKERS = {"say", "bar", "text", "Reason", "Bad"} | {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.DajeongError)
}
"""Calls whose first argument is a code."""


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_both_languages_have_the_same_placeholders() -> None:
    sentences = MESSAGES.items()
    assert [code for code, said in sentences if placeholders(said.en) != placeholders(said.ko)] == []
    assert [code for code, said in sentences if "" in placeholders(said.en)] == [], "name every placeholder"
    assert [code for code, said in sentences if not said.en.strip() or not said.ko.strip()] == []
    assert [code for code, said in sentences if re.search("[가-힣]", said.en)] == [], "English is English"


def spoken(module: Module) -> Iterator[tuple[ast.Call, str]]:
    """Calls that speak, with the code where it stands there in so many letters."""
    for name, call in calls(module):
        if name in SPEAKERS and call.args:
            for code in _constants(call.args[0]):
                yield call, code


def _constants(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return _constants(node.body) + _constants(node.orelse)
    return []


def misspoken(module: Module) -> Iterator[str]:
    """Codes without a sentence, and sentences that would not get all their parameters."""
    for call, code in spoken(module):
        if code not in MESSAGES:
            yield f"{place(module, call)}: no sentence {code!r}"
            continue
        given = {keyword.arg for keyword in call.keywords}
        in_a_mapping = None in given or ast.unparse(call.func).endswith("Reason")
        missing = placeholders(MESSAGES[code].en) - given
        if missing and not in_a_mapping:
            yield f"{place(module, call)}: {code} lacks {missing}"


def test_codes_in_use_exist_and_get_their_parameters() -> None:
    assert [problem for module in READERS for problem in misspoken(module)] == []


@pytest.mark.parametrize(
    "line", ["raise DataProblem('no-such-code')", "raise DataProblem('file-missing', paht=1)"]
)
def test_the_test_of_codes_can_fail(line: str) -> None:
    assert list(misspoken(parsed("dajeong.cli", line)))


def test_no_sentence_is_idle() -> None:
    said: set[str] = set()
    beginnings: set[str] = set()
    for module in READERS:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                beginnings.add(str(node.values[0].value))
    beginnings = {beginning for beginning in beginnings if re.fullmatch(r"[a-z]+(-[a-z]+)*-", beginning)}
    idle = [code for code in MESSAGES if code not in said and not code.startswith(tuple(beginnings))]
    assert idle == []


def test_the_language_follows_option_then_environment_then_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DAJEONG_LANG", "LC_ALL", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert language() == "ko"
    monkeypatch.setenv("LC_ALL", "C")
    assert language() == "en"
    monkeypatch.setenv("DAJEONG_LANG", "ko")
    assert language() == "ko"
    choose_language("en")
    try:
        assert language() == "en"
    finally:
        choose_language(None)


def test_a_sentence_takes_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MESSAGES, "probe", Sentence("{name} has {count}", "{name}: {count}개"))
    choose_language("ko")
    try:
        assert text("probe", name="{brace}", count=3) == "{brace}: 3개"
    finally:
        choose_language(None)
