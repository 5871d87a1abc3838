"""KoBEST's tables become exactly the texts that each profile's harness makes of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random

import pytest
from kobest_rows import LABELS, write_tables

from dajeong.data.kobest_tasks import NAMES, Name
from dajeong.errors import DataProblem
from dajeong.evaluation.kobest_items import rows_of, tables_in
from dajeong.evaluation.kobest_prompts import PROFILES, Item, Profile, items_of
from shared_data import SHARED, needs_shared

GOLDEN = Path(__file__).parents[1] / "golden" / "kobest" / "polyglot-2022.json"


def items(
    data: Path, name: Name, shots: int = 0, profile: Profile = "lm-eval-0.4", most: int | None = None
) -> list[Item]:
    rows = rows_of(name, tables_in(data, "test")[name])
    train = rows_of(name, tables_in(data, "train")[name])
    return items_of(name, rows, train, shots, profile, most)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_tables(tmp_path)


def test_prompts_are_those_of_lm_eval_to_the_last_blank(data: Path) -> None:
    first = {name: items(data, name)[0] for name in NAMES}
    assert [first[name].context for name in NAMES] == [
        '감은 가을에 익는다.  질문: 감은 "봄"에 익는가? 답변: ',
        "길이 얼었다.  그래서",
        "문장: 냄비에 물을 붓는다.",
        "문장: 맛없어요 긍부정:",
        "문장1: [배]가 고프다.  문장2: [배]를 깎아 먹는다. 두 문장에서 배가 같은 뜻으로 쓰였나?",
    ]
    assert [[text for _, text in first[name].pairs] for name in NAMES] == [
        [" 아니오", " 예"],
        [" 사람들이 미끄러졌다.", " 꽃이 피었다."],
        [" 불을 켠다.", " 잠을 잔다.", " 물을 “끓인다”.", " 집을 판다."],
        [" 부정", " 긍정"],
        [" 아니오", " 예"],
    ]
    assert {name: [item.label for item in items(data, name)] for name in NAMES} == LABELS
    assert items(data, "boolq")[1].context.startswith("고양이는 물을"), "quoted as spreadsheets quote"
    assert items(data, "copa")[1].context == "아이가 웃었다.  왜냐하면"


def test_polyglot_has_one_blank_in_copa_and_shuffles(data: Path) -> None:
    asked = items(data, "copa", profile="polyglot-2022")
    order = list(range(3))
    Random(42).shuffle(order)
    assert (
        [item.id for item in asked]
        == [f"kobest:COPA-{place + 1}" for place in order]
        != sorted(item.id for item in asked)
    )
    assert {item.context for item in asked} == {
        "길이 얼었다. 그래서",
        "아이가 웃었다. 왜냐하면",
        "비가 왔다. 그래서",
    }
    assert next(item for item in asked if item.id == "kobest:COPA-3").label == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_examples_are_solved_questions_drawn_anew_for_each_row(data: Path, profile: Profile) -> None:
    alone, shown = items(data, "sentineg", 0, profile), items(data, "sentineg", 2, profile)
    chance = Random(1234)
    pool = list(range(3))
    if profile == "polyglot-2022":
        chance = Random(42)
        chance.shuffle(list(range(3)))
    solved = [f"{item.context} {item.choices[item.label]}\n\n" for item in items(data, "sentineg")]
    for one, other in zip(alone, shown, strict=True):
        drawn = chance.sample(pool, 2)
        assert other.context == "".join(solved[place] for place in drawn) + one.context
    assert items(data, "sentineg", 2, profile, most=2) == shown[:2]


def digest(parts: list[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@needs_shared
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shots", [0, 5])
def test_published_rows_are_asked_as_the_polyglot_branch_asks_them(name: Name, shots: int) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name][str(shots)]
    rows = [row.id for row in rows_of(name, tables_in(SHARED / "kobest", "test")[name])]
    asked = items(SHARED / "kobest", name, shots, "polyglot-2022", most=golden["count"])
    assert [rows.index(item.id) for item in asked[:8]] == golden["order"]
    digests = [digest([item.context, *(text for _, text in item.pairs), str(item.label)]) for item in asked]
    assert [each[:16] for each in digests[:8]] == golden["first"]
    assert (len(asked), digest(digests)) == (golden["count"], golden["all"])
    assert len(asked) == (len(rows) if shots == 0 else 100)


# --- tables that are not as published


def test_a_table_is_known_by_its_columns_and_its_examples_lie_beside_it(data: Path) -> None:
    for name, folder in (("wic", "WiC"), ("hellaswag", "HellaSwag")):
        path = data / folder / "test.tsv"
        assert tables_in(path, "test") == {name: path}
        assert tables_in(path, "train") == {name: data / folder / "train.tsv"}


@pytest.mark.parametrize(
    ("table", "code", "said"),
    [
        ("", "kobest-columns", "–"),
        ("ID\tText\tAnswer\n1\t가\tTrue\n", "kobest-columns", "Text"),
        ("ID\tText\tQuestion\tAnswer\n1\t가\t나\tTrue\n2\t가\tTrue\n", "kobest-width", ":3: 칸이 3개"),
        ("ID\tText\tQuestion\tAnswer\n1\t가\t나\t예\n", "kobest-label", ":2: '예'"),
        ('ID\tText\tQuestion\tAnswer\n1\t"가\t나\tTrue\n2\t가\t나\tTrue\n', "kobest-width", "따옴표"),
    ],
)
def test_a_table_that_is_not_as_published_is_refused_with_its_line(
    tmp_path: Path, table: str, code: str, said: str
) -> None:
    path = tmp_path / "test.tsv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(DataProblem) as problem:
        rows_of("boolq", path)
    assert problem.value.code == code
    from dajeong.messages import MESSAGES

    assert said in MESSAGES[code].ko.format(**problem.value.parameters)


def test_bytes_that_are_no_text_and_two_tables_of_one_task_are_refused(tmp_path: Path) -> None:
    data = write_tables(tmp_path)
    (data / "COPA" / "test_more.tsv").write_text("x", encoding="utf-8")
    with pytest.raises(DataProblem, match="test_more.tsv"):
        tables_in(data, "test")
    (data / "COPA" / "test.tsv").write_bytes("원인".encode("cp949"))
    with pytest.raises(DataProblem) as problem:
        rows_of("copa", data / "COPA" / "test.tsv")
    assert problem.value.code == "kobest-unreadable"
    with pytest.raises(DataProblem):
        rows_of("copa", tmp_path / "nothing.tsv")
