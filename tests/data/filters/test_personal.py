"""Personal data: probes are found with their kind, ordinary numbers are not, forms are kept."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
from cleaned import Cleaned, example
from hypothesis import given
from hypothesis import strategies as st

from dajeong.data.filters import personal
from dajeong.data.filters.personal import KINDS, Find, found_in, mask_of, pseudonym, replaced
from dajeong.data.filters.personal_filter import PersonalData
from dajeong.data.filters.settings import PersonalKind, PersonalSettings
from dajeong.records import Dialogue
from shared_data import SHARED, needs_shared

PROBES = {
    "제 번호는 010-1234-5678이에요": "mobile",
    "01012345678로 연락주세요": "mobile",
    "+82 10 1234 5678번입니다": "mobile",
    "주민번호 900101-1234567입니다": "resident",
    "9001011234567이고요": "resident",
    "아이는 210229 대신 200229-3123456": "resident",
    "메일은 hong.gil@naver.com으로": "email",
    "계좌 110-123-456789 신한": "account",
    "우리 1002-123-456789로 보내 줘": "account",
    "카드 1234-5678-9012-3456입니다": "card",
    "4111 1111 1111 1111로 결제": "card",
    "사업자 123-45-67890": "business",
    "02)123-4567": "landline",
    "031-123-4567번": "landline",
    "(02) 1234-5678": "landline",
    "여권 M12345678": "passport",
    "M123A4567이 새 여권이에요": "passport",
    "차량 12가3456": "vehicle",
    "번호판이 123가 4568이었어요": "vehicle",
    "운전면허 11-19-123456-01": "licence",
    "서버 8.8.8.8에서": "ip",
}
ORDINARY = (
    "주문번호 20230901123456 확인",
    "버전 1.2.3.4에서",
    "2023-09-01",
    "총 1,234,567원",
    "날짜가 210229-3123456처럼 없는 날",
    "원주율은 3.1415926535897932384",
    "0.4111111111111111이 나왔어요",
    "확률은 0.01012345678",
    "예산이 12조5000억 원이래요",
    "표 1.2.3.4.5를 보세요",
    "주소 999.1.1.1은 없어요",
    "우리 팀이 이긴 날은 12-123-4567번째",
    "@everyone 모이세요",
    "a@b",
    "x01012345678y",
)


@pytest.mark.parametrize(("text", "kind"), PROBES.items())
def test_each_kind_is_found_before_and_after_hangul(text: str, kind: str) -> None:
    assert [find.kind for find in found_in(text)] == [kind]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_numbers_are_left_alone(text: str) -> None:
    assert found_in(text) == []


EXPECTED = (
    "mobile", "mobile", "resident", "resident", "email", "account", "card", "business", "landline",
    "landline", "passport", "vehicle", "licence", None, None, None, None, "ip",
)  # fmt: skip
"""What the 18 probes of the reference are; four of them are no personal data."""


@needs_shared
def test_all_18_probes_of_the_reference() -> None:
    path = SHARED.parent / "reference" / "data_fixtures.json"
    probes = json.loads(path.read_text(encoding="utf-8"))["pii_probes"]
    found = [tuple(find.kind for find in found_in(text)) for text in probes]
    assert found == [(kind,) if kind else () for kind in EXPECTED]


def test_a_find_says_where_it_stands_and_nothing_is_found_twice() -> None:
    text = "카드 1234-5678-9012-3456, 전화 010-1234-5678, 메일 a.b@c.kr"
    finds = found_in(text)
    assert [text[find.start : find.end] for find in finds] == [find.text for find in finds]
    assert [find.kind for find in finds] == ["card", "mobile", "email"]
    assert all(one.end <= other.start for one, other in zip(finds, finds[1:], strict=False))
    assert [find.kind for find in found_in(text, ("email",))] == ["email"]


def test_the_names_in_settings_are_the_kinds_there_are() -> None:
    assert set(get_args(PersonalKind)) == set(KINDS)


@pytest.mark.parametrize("text", PROBES)
def test_a_mask_hides_all_of_it_and_only_that(text: str) -> None:
    (find,) = found_in(text)
    masked = replaced(text, [find], "mask", 0)
    assert masked == text.replace(find.text, mask_of(find.kind)) and found_in(masked) == []


@pytest.mark.parametrize("text", PROBES)
def test_a_pseudonym_has_the_form_and_not_the_digits(text: str) -> None:
    (find,) = found_in(text)
    invented = pseudonym(find, 0)
    assert invented == pseudonym(find, 0) != find.text
    assert invented != pseudonym(find, 1) or find.kind == "ip"
    if find.kind not in ("email", "ip"):
        assert re.sub(r"\d", "0", invented) == re.sub(r"\d", "0", find.text)
    if find.kind == "resident":
        assert found_in(invented) == [], "nobody has it"
    if find.kind in ("mobile", "landline", "email", "ip"):
        assert [other.kind for other in found_in(invented)] == [find.kind]


@given(st.lists(st.sampled_from([*PROBES, *ORDINARY, "그냥 말", "😀", "\n"]), max_size=6), st.integers(0, 3))
def test_replacing_keeps_every_other_letter(parts: list[str], seed: int) -> None:
    text = " / ".join(parts)
    finds = found_in(text)
    expected, end = "", 0
    for find in finds:
        expected += text[end : find.start] + pseudonym(find, seed)
        end = find.end
    assert replaced(text, finds, "pseudonym", seed) == expected + text[end:]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["-" * 200_000, "a." * 100_000, "@a" * 100_000, "1-" * 100_000, "1." * 100_000]
)
def test_a_hostile_text_takes_no_time(text: str) -> None:
    assert found_in(text + " a@b 2023") == []


def test_names_get_names_with_fitting_particles() -> None:
    for name in ("홍길동", "김나래", "박새봄"):
        text = f"{name}이 왔고 {name}은 갔어요"
        finds = [Find(hit.start(), hit.end(), "name", name) for hit in re.finditer(name, text)]
        invented = pseudonym(finds[0], 0)
        closed = (ord(invented[-1]) - ord("가")) % 28 > 0
        expected = f"{invented}{'이' if closed else '가'} 왔고 {invented}{'은' if closed else '는'} 갔어요"
        assert replaced(text, finds, "pseudonym", 0) == expected
        assert replaced(text, finds, "mask", 0) == "<이름>이 왔고 <이름>은 갔어요"
    drawn = {pseudonym(Find(0, 3, "name", f"이름{number}"), 0) for number in range(60)}
    assert len(drawn) > 40, "two people seldom become one"


RECORD = example("제 번호는 010-1234-5678이에요", "네, 010-1234-5678 맞죠? a@b.kr로도 보낼게요.")


def after(**settings: Any) -> tuple[list[str], Counter[str]]:
    changes: Counter[str] = Counter()
    record = PersonalData(PersonalSettings(**settings)).repaired(RECORD, changes)
    assert isinstance(record, Dialogue)
    return [message.content for message in record.messages], changes


def test_reporting_changes_nothing_and_counts_every_find() -> None:
    texts, changes = after()
    assert texts == [message.content for message in RECORD.messages]
    assert changes == {"personal-mobile": 2, "personal-email": 1}


def test_masks_and_pseudonyms_go_through_the_whole_record() -> None:
    texts, changes = after(mode="mask", kinds=("mobile",))
    assert texts == ["제 번호는 <전화번호>이에요", "네, <전화번호> 맞죠? a@b.kr로도 보낼게요."]
    assert changes == {"personal-mobile": 2}
    texts, _ = after(mode="pseudonym")
    numbers = [find.text for text in texts for find in found_in(text) if find.kind == "mobile"]
    assert len(set(numbers)) == 1 and numbers[0] != "010-1234-5678", "the same number is the same everywhere"


def test_dropping_names_the_kind(tmp_path: Path) -> None:
    filter_ = PersonalData(PersonalSettings(mode="drop"))
    assert filter_.why_not(RECORD) == "personal-data: mobile"
    assert filter_.why_not(example("안녕?")) is None
    cleaned = Cleaned(tmp_path, [RECORD, example("안녕?", name="2")], personal={"mode": "drop"}).run()
    assert cleaned.names == ["2"] and cleaned.stats["dropped"] == {"personal-data": 1}


def test_the_default_counts_in_the_stats_and_keeps_the_text(tmp_path: Path) -> None:
    cleaned = Cleaned(tmp_path, [RECORD]).run()
    assert cleaned.of() == [RECORD]
    assert cleaned.stats["changed"] == {"personal-email": 1, "personal-mobile": 2}


def test_names_of_persons_need_a_surname_and_a_word_for_persons() -> None:
    pytest.importorskip("kiwipiepy")
    from dajeong.data.filters.names import names_in

    found = {
        "홍길동 씨를 만났어요.": ["홍길동"],
        "제 이름은 김철수입니다.": ["김철수"],
        "박영희 선생님이 오셨어요.": ["박영희"],
        "제 이름은 '홍길동'이에요.": ["홍길동"],
        "환자 정해인은 서른다섯 살이에요.": ["정해인"],
        "철수 씨와 황보라 씨가 왔어요.": ["철수", "황보라"],
        "서울에 살고 강남역에서 일해요.": [],
        "서울 학생과 강원도 의원, 한국 대표예요.": [],
        "오바마가 쓴 책이에요.": [],
        "김치찌개 좋아하는 학생이에요.": [],
    }
    assert {text: [find.text for find in names_in(text)] for text in found} == found
    settings = PersonalSettings(mode="mask", names=True)
    record = PersonalData(settings).repaired(example("홍길동 씨는 010-1234-5678이에요"), Counter())
    assert isinstance(record, Dialogue) and record.messages[0].content == "<이름> 씨는 <전화번호>이에요"


def test_a_text_without_digits_or_an_at_sign_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal, "KINDS", {})
    assert found_in("그냥 하는 말이에요.") == []
