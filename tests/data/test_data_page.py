"""docs/data.md tells of every source, every option, and every rule that can drop a record."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dajeong.data.clean import RULES
from dajeong.data.files import READABLE
from dajeong.data.settings import HubSettings, Repeats
from dajeong.data.sources import SOURCES
from dajeong.records import Frozen

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Sources") : PAGE.index("### Options of a source")]
CELLS = {row[1]: row[0] for row in re.findall(r"^(\| `([\w-]+)` \|.*\|)$", SECTION, re.MULTILINE)}


def test_every_source_has_its_row_and_no_other_has() -> None:
    assert list(CELLS) == list(SOURCES), "in the order of the catalogue"


@pytest.mark.parametrize("name", SOURCES)
def test_a_row_says_schema_size_licence_and_traps(name: str) -> None:
    cells = re.split(r"(?<!\\)\|", CELLS[name])
    assert len(cells) == 7, "five columns between bars"
    assert len(cells[2]) > 10 or name == "dajeong"
    stated = SOURCES[name].licence.split(" ")[0].strip("(),")
    said = " ".join(cells[4].split())
    assert (
        not stated
        or stated in ("NIKL", "AI-Hub")
        or stated.casefold() in said.casefold()
        or "the same" in said
    )


def test_every_option_has_its_line() -> None:
    options = PAGE[PAGE.index("### Options of a source") : PAGE.index("### Files")]
    for name, source in SOURCES.items():
        fields = type(source.records).model_fields if isinstance(source.records, Frozen) else {}
        assert [field for field in fields if f"`{field}`" not in options] == [], name
        assert (f"\n| `{name}` |" in options) == bool(fields), name


def test_formats_repeats_and_the_hub_are_told() -> None:
    assert [suffix for suffix in READABLE if f"`{suffix}`" not in PAGE] == []
    assert [what for what in Repeats.__args__ if f"`{what}`" not in PAGE] == []
    assert [field for field in HubSettings.model_fields if f"{field}:" not in PAGE] == []


def test_every_rule_is_a_word_a_reader_can_find() -> None:
    assert all(re.fullmatch("[a-z]+(-[a-z]+)+", name) for name in RULES)
