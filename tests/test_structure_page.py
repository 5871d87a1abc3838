"""docs/structure.md is true: every file of the source, nothing else, and the ladder that is tested."""

from __future__ import annotations

import re
from pathlib import Path

from source_tree import SRC
from test_architecture import LADDER, LEVEL

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "structure.md").read_text(encoding="utf-8")
FILES = {path.relative_to(SRC / "dajeong").as_posix() for path in SRC.glob("dajeong/**/*.py")}
FILES = {name for name in FILES if not name.endswith("__init__.py")}


def section(title: str) -> str:
    """What stands under a heading, up to the next of its level."""
    marks = title.split(" ", 1)[0]
    found = re.search(rf"^{re.escape(title)}.*?\n(.*?)(?=^{marks} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def test_the_ladder_is_the_one_that_is_tested() -> None:
    drawn = re.search(r"```\n(.*?)```", section("## The ladder"), re.DOTALL)
    assert drawn
    levels = re.findall(r"^(\d)  (.*?)(?=^\d|\Z)", drawn[1], re.MULTILINE | re.DOTALL)
    assert {int(level): rooms.split() for level, rooms in levels} == {
        level: rooms.split() for level, rooms in LADDER.items()
    }


def test_every_file_has_its_row_and_no_other_has() -> None:
    rows = re.findall(r"^\| `([\w/]+\.py)` \| \S", section("## Every file"), re.MULTILINE)
    assert len(rows) == len(set(rows)), "named twice"
    assert (sorted(FILES - set(rows)), sorted(set(rows) - FILES)) == ([], [])


def test_a_file_stands_on_its_own_level() -> None:
    for level in LADDER:
        for name in re.findall(r"^\| `([\w/]+)\.py`", section(f"### {level} · "), re.MULTILINE):
            assert LEVEL[name.split("/")[0]] == level, name


def test_files_and_tables_named_in_the_prose_are_there() -> None:
    prose = PAGE[PAGE.index("## Journeys") :]
    for name in re.findall(r"`((?:\w+/)*\w+\.(?:py|md))`", prose):
        places = [ROOT / name, SRC / "dajeong" / name, ROOT / "tests" / name]
        assert any(place.is_file() for place in places) or name == "README.md", name
    for table, file in re.findall(r"`([A-Z_]+)` in `(\w+\.py)`", prose):
        assert re.search(rf"^{table}\b", (SRC / "dajeong" / file).read_text(encoding="utf-8"), re.MULTILINE)
    for file, table in re.findall(r"`([\w/]+\.py)` \| `([A-Z_]+)` there", prose):
        assert re.search(rf"^{table}\b", (SRC / "dajeong" / file).read_text(encoding="utf-8"), re.MULTILINE)
