"""The doctor's page: whole, alone, safe with hostile names, no word of the data, the same each time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_markup import Seen
from test_page import assert_alone

from dajeong.data.doctor.examine import examine
from dajeong.records import Dialogue, Message, Preference, Record, Response
from dajeong.report.doctor_page import page, write
from dajeong.storage import write_records

HOSTILE = '<img src=x onerror="alert(1)">'
SECRET = "비밀스러운문장"


def records(name: str = "i") -> list[Record]:
    """Preferences of two kinds; lengths and authors give the better one away, one side is empty."""
    found: list[Record] = []
    for number in range(40):
        better = Response(content=f"{SECRET} {'나무 ' * (number % 9 + 3)}예요.", author=f"{name}-a")
        worse = Response(content="" if number == 7 else "글쎄.", author=f"{name}-b")
        asked = (Message(role="user", content=f"{number}번 {SECRET}?"),)
        kind = ("talk", name)[number % 2]
        found.append(
            Preference(
                id=f"{name}:{number}", kind=kind, source=name, licence=name,
                prompt=asked, responses=(better, worse), ranking=((0,), (1,)),
            )
        )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("doctor") / "pairs.jsonl"
    write_records(path, records())
    return page(examine([path]))


def test_every_part_is_there_with_its_plots(whole: str) -> None:
    ids = [attributes["id"] for _, attributes in Seen(whole).elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"findings", "baselines", "lengths", "registers", "counts"} <= set(ids)
    names = [name for name, _ in Seen(whole).elements]
    assert names.count("figure") == 2 and names.count("svg") > 4, "two histograms, intervals of baselines"
    for code in ("empty-side", "length-tells", "author-tells"):
        assert f"<small>{code}</small>" in whole
    assert whole.index("empty-side") < whole.index("length-tells"), "the gravest first"


def test_it_stands_alone_and_says_it_in_both_languages(whole: str) -> None:
    assert_alone(whole)
    assert (
        "다정 데이터 진단" in whole
        and "nothing can be preferred to it" in whole
        and "견줄 것이 없고" in whole
    )


def test_names_from_the_data_cannot_become_markup(tmp_path: Path) -> None:
    path = tmp_path / f"{HOSTILE.replace('/', '')}.jsonl"
    write_records(path, records(HOSTILE))
    made = page(examine([path]))
    assert_alone(made)
    assert HOSTILE not in made and "&lt;img src=x" in made


def test_no_text_of_the_data_is_shown(whole: str) -> None:
    assert SECRET not in whole and "i:7" in whole


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_records(path, records())
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    write(examine([path]), first)
    write(examine([path]), second)
    assert first.read_bytes() == second.read_bytes()


def test_what_was_allowed_is_marked_and_a_sound_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_records(path, records())
    blocked, allowed = (page(examine([path], allowed=codes)) for codes in ((), ("empty-side",)))
    assert 'class="alarm"' in blocked and 'class="alarm"' not in allowed
    said = (Message(role="user", content="뭐 해요?"), Message(role="assistant", content="쉬어요."))
    write_records(path, [Dialogue(id="a", licence="MIT", messages=said)])
    sound = page(examine([path]))
    assert 'class="alarm"' not in sound and not re.search(r"<small>[a-z]+-[a-z]+</small>", sound)
