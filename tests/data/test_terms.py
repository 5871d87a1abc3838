"""Licences as people write them: what allows passing on is known by name, everything else does not."""

from __future__ import annotations

import pytest

from dajeong.data import licences
from dajeong.data.sources import SOURCES
from dajeong.data.terms import is_allowed, joint_licence, may_be_passed_on, spelt


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("MIT License", "MIT"),
        ("cc-by-sa-3.0", "CC-BY-SA-3.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International", "CC-BY-SA-4.0"),
        ("cc_by_4.0", "CC-BY-4.0"),
        ("CC0", "CC0-1.0"),
        ("CC0 1.0", "CC0-1.0"),
    ],
)
def test_many_spellings_of_one_licence(stated: str, meant: str) -> None:
    assert spelt(stated) == meant and may_be_passed_on(stated)


@pytest.mark.parametrize(
    "stated",
    [
        "",
        "unstated",
        "CC BY-NC 4.0",
        "CC-BY-ND-4.0",
        "cc-by-nc-sa-4.0",
        "not Apache-2.0",
        "MIT (code only)",
        "Apache-2.0 or proprietary",
        licences.NIKL,
        licences.AIHUB,
        licences.VAIV,
        licences.OPENAI_OUTPUT,
        licences.KULLM,
    ],
)
def test_what_is_not_known_to_allow_it_does_not(stated: str) -> None:
    assert not may_be_passed_on(stated)
    assert is_allowed(stated, frozenset({stated or "none"}))
    assert not is_allowed(stated, frozenset({"MIT"}))


def test_every_licence_of_a_source_is_as_it_is_in_the_registry() -> None:
    for source in SOURCES.values():
        known = source.licence in licences.MAY_BE_PASSED_ON
        assert may_be_passed_on(source.licence) == known, source.licence


def test_what_came_of_two_texts_stands_under_both() -> None:
    assert (
        joint_licence("Apache-2.0", "MIT")
        == "Apache-2.0 AND MIT"
        == joint_licence("Apache-2.0 AND MIT", "MIT")
    )
    assert joint_licence("Apache-2.0", "") == joint_licence("", "MIT") == ""
    assert may_be_passed_on("Apache-2.0 AND MIT") and not may_be_passed_on("Apache-2.0 AND secret")
