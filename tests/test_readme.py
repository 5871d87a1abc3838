"""Both READMEs say the same: as many headings of each level in the same order, and the same commands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README, README_KO = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))


def code_blocks(page: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def levels(page: str) -> list[int]:
    prose = re.sub(r"^```\w*\n.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]


def rows(page: str) -> int:
    return len(re.findall(r"^\|", page, re.MULTILINE))


def points(page: str) -> int:
    return len(re.findall(r"^- ", page, re.MULTILINE))


def test_headings() -> None:
    assert levels(README) == levels(README_KO) and len(levels(README)) > 5


def test_commands() -> None:
    assert code_blocks(README) == code_blocks(README_KO) and len(code_blocks(README)) > 3


@pytest.mark.parametrize("count", [rows, points])
def test_tables_and_lists(count) -> None:  # type: ignore[no-untyped-def]
    assert count(README) == count(README_KO)


def test_placeholders_for_figures_stand_in_both() -> None:
    found = [re.findall("<!-- figures.*?-->", page) for page in (README, README_KO)]
    assert found[0] == found[1]


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in code_blocks(README)[:2]:
        (target,) = re.fullmatch(r"make (\w+)\n", command).groups()  # type: ignore[union-attr]
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_pictures_are_there_and_small() -> None:
    shown = [re.findall(r"!\[[^\]]+\]\((docs/images/[\w.-]+)\)", page) for page in (README, README_KO)]
    assert shown[0] == shown[1] and len(shown[0]) == 3
    assert all((ROOT / name).stat().st_size < 200_000 for name in shown[0])


def test_files_that_it_names_are_there() -> None:
    named = set(re.findall(r"`((?:docs|src)/[\w./-]+|[A-Z]+\.md|LICENSE)`", README))
    assert named == set(re.findall(r"`((?:docs|src)/[\w./-]+|[A-Z]+\.md|LICENSE)`", README_KO))
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []
