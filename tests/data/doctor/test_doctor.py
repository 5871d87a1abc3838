"""The doctor finds what is planted and nothing where nothing is; every code has a file that shows it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dajeong.artefacts import POSITION
from dajeong.data.doctor.codes import BLOCKING, CODES
from dajeong.data.doctor.examine import examine
from dajeong.data.doctor.finding import Diagnosis, Finding
from dajeong.data.doctor.preferences import MAX_PREFERENCES, Sample
from dajeong.errors import DataProblem, UsageProblem
from dajeong.messages import MESSAGES
from dajeong.printing_data import sentence
from dajeong.records import Dialogue, Message, Preference, Record, Response
from dajeong.storage import write_records
from shared_data import SHARED, needs_shared

WORDS = re.findall("..", "봄비여름가을겨울하늘바다나무구름강가노을새벽들판언덕골목다리정원")


def words(seed: int, count: int = 6) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def example(number: int = 0, asked: str = "", answer: str = "", **fields: Any) -> Dialogue:
    """A good one: polite, licensed, like no other."""
    messages = (
        Message(role="user", content=asked or f"{words(number)} 가운데 {number}번째는 무엇인가요?"),
        Message(role="assistant", content=answer or f"{number}번째는 {words(-1 - number)}이에요."),
    )
    return Dialogue(**{"id": f"i:{number}", "licence": "MIT", "kind": "talk", "messages": messages, **fields})


def pair(number: int = 0, better: str = "", worse: str = "", **fields: Any) -> Preference:
    """Two good answers of which neither is longer than the other by rule."""
    one, two = (f"{words(seed, 3 + (seed // 2) % 4)}이 좋아요." for seed in (2 * number, 2 * number + 1))
    responses = (Response(content=better or one), Response(content=worse or two))
    asked = (Message(role="user", content=f"{number}번: {words(7_000 + number)} 어때요?"),)
    given = {"id": f"p:{number}", "licence": "MIT", "kind": "talk", "prompt": asked}
    return Preference(**{**given, "responses": responses, "ranking": ((0,), (1,)), **fields})


def by(number: int, winner: str, loser: str) -> Preference:
    made = pair(number)
    authors = (winner, loser)
    responses = [
        response.model_copy(update={"author": author})
        for response, author in zip(made.responses, authors, strict=True)
    ]
    return made.model_copy(update={"responses": tuple(responses)})


def casual(number: int, **fields: Any) -> Dialogue:
    return example(number, answer=f"{number}번째는 {words(-1 - number)}이야.", **fields)


GOOD = [example(number) for number in range(30)]
PAIRS = [pair(number) for number in range(60)]


def among_good(*planted: Record) -> list[Record]:
    return [*GOOD, *planted]


def _misread(text: str) -> str:
    return text.encode("utf-8").decode("cp1252", errors="ignore")


PLANTED: Mapping[str, Callable[[], list[Record]]] = {
    "empty-side": lambda: [*PAIRS, pair(99, worse="\u200b")],
    "empty-answer": lambda: among_good(example(99, answer=" <|endoftext|>")),
    "empty-prompt": lambda: among_good(example(99, asked="\u3164 ")),
    "same-answers": lambda: [*PAIRS, pair(99, better="같아요.", worse="같아요.")],
    "answer-is-prompt": lambda: among_good(example(99, asked="따라 해 봐요.", answer="따라 해 봐요.")),
    "tie": lambda: [*PAIRS, pair(99, ranking=((0, 1),))],
    "end-marker": lambda: among_good(example(99, answer="좋아요.<|endoftext|>")),
    "template-marker": lambda: among_good(example(99, answer="### 응답:\n좋아요.")),
    "placeholder": lambda: among_good(example(99, asked="name1 씨, 안녕하세요?")),
    "mask": lambda: among_good(example(99, asked="#@이름#은 어디 있나요?")),
    "mojibake": lambda: among_good(example(99, answer=_misread("안녕하세요 반갑습니다"))),
    "replacement-character": lambda: among_good(example(99, answer="안녕\ufffd하세요.")),
    "decomposed": lambda: among_good(example(99, answer="\u1112\u1161\u11ab글이에요.")),
    "invisible": lambda: among_good(example(99, answer="안녕\u200b하세요.")),
    "restricted-licence": lambda: among_good(example(99, licence="CC-BY-NC-4.0")),
    "no-licence": lambda: among_good(example(99, licence="")),
    "repeated-id": lambda: among_good(example(99, id="i:0")),
    "repeated-record": lambda: among_good(GOOD[0].model_copy(update={"id": "i:99"})),
    "repeated-prompt": lambda: among_good(example(99, asked=GOOD[0].messages[0].content)),
    "swapped-pair": lambda: [*PAIRS, PAIRS[0].model_copy(update={"id": "p:99", "ranking": ((1,), (0,))})],
    "evaluation-set": lambda: [example(n, id=f"kullm:user_oriented_task_{n}") for n in range(20)],
    "evaluation-leak": lambda: among_good(example(99, id="kullm:user_oriented_task_7")),
    "personal-data": lambda: among_good(example(99, answer="010-1234-5678이에요.")),
    "mixed-register": lambda: [*GOOD, *map(casual, range(100, 120))],
    "register-tells-kind": lambda: [*GOOD, *(casual(n, kind="abusive") for n in range(100, 140))],
    "length-tells": lambda: [pair(n, better=f"{words(n, 12)}이 좋아요.", worse="글쎄요.") for n in range(40)],
    "author-tells": lambda: [by(n, "a", "b") for n in range(40)],
    "wording-tells": lambda: [pair(n, worse=f"{words(n, 3 + n % 4)}!") for n in range(80)],
    "position-tells": lambda: [pair(n, meta={POSITION: [0, 1]}) for n in range(40)],
}
"""Code → records that show it. Files that cannot be read are below."""


def examined(folder: Path, found: list[Record], *allowed: str) -> Diagnosis:
    path = folder / "rows.jsonl"
    write_records(path, found)
    return examine([path], allowed=allowed)


def finding(diagnosis: Diagnosis, code: str) -> Finding:
    return next(each for each in diagnosis.findings if each.code == code)


def test_every_code_has_an_example_and_a_sentence() -> None:
    assert {*PLANTED, "nothing-read", "unreadable"} == set(CODES)
    assert all(f"doctor-{code}" in MESSAGES for code in CODES)


@pytest.mark.parametrize("code", PLANTED)
def test_what_is_planted_is_found(code: str, tmp_path: Path) -> None:
    diagnosis = examined(tmp_path, PLANTED[code]())
    found = finding(diagnosis, code)
    assert found.severity == CODES[code] and 0 < found.count <= found.of
    assert sentence(found) and "{" not in sentence(found)
    assert (code in diagnosis.blocking) == (code in BLOCKING and code != "evaluation-leak")
    if code in ("empty-answer", "mask", "repeated-id", "evaluation-leak"):
        assert found.count == 1 and found.examples in (("i:99",), ("i:0",), ("kullm:user_oriented_task_7",))


@pytest.mark.parametrize("records", [GOOD, PAIRS], ids=["examples", "preferences"])
def test_a_sound_file_has_no_findings(records: list[Record], tmp_path: Path) -> None:
    diagnosis = examined(tmp_path, records)
    assert diagnosis.findings == () and diagnosis.blocking == []
    assert diagnosis.profile.records == len(records)


def test_leaks_are_noted_then_block_then_are_the_set(tmp_path: Path) -> None:
    """Few are dropped by cleaning; from a tenth reading refuses the file; from a half it is the set."""
    severities = {}
    for leaks in (2, 4, 25):
        planted = [example(100 + n, id=f"kullm:user_oriented_task_{n}") for n in range(leaks)]
        diagnosis = examined(tmp_path, [*GOOD[:20], *planted])
        (found,) = (each for each in diagnosis.findings if each.code.startswith("evaluation"))
        severities[leaks] = (found.code, found.severity, found.count, found.of)
    assert severities == {
        2: ("evaluation-leak", "warning", 2, 22),
        4: ("evaluation-leak", "blocking", 4, 24),
        25: ("evaluation-set", "blocking", 25, 45),
    }


def test_what_blocks_is_overridden_by_name_and_only_by_its_own(tmp_path: Path) -> None:
    records = PLANTED["empty-side"]()
    assert examined(tmp_path, records).blocking == ["empty-side"]
    assert examined(tmp_path, records, "evaluation-set").blocking == ["empty-side"]
    allowed = examined(tmp_path, records, "empty-side")
    assert allowed.blocking == [] and finding(allowed, "empty-side").severity == "blocking"
    with pytest.raises(UsageProblem, match="empty-side"):
        examined(tmp_path, records, "empty-sides")


def test_unreadable_rows_are_told_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_records(path, GOOD)
    path.write_text(path.read_text(encoding="utf-8") + '{"id": "x"\n', encoding="utf-8")
    found = finding(examine([path]), "unreadable")
    assert (found.count, found.of) == (1, 31) and found.examples[0].endswith("rows.jsonl:31")
    with pytest.raises(DataProblem):  # no row tells what it is
        path.write_text("{]\n", encoding="utf-8")
        examine([path])
    nothing = examine([path], source="alpaca")
    assert nothing.blocking == ["nothing-read"] and nothing.profile.rejected == 1


def test_findings_name_ids_and_never_a_text(tmp_path: Path) -> None:
    secret = "비밀스러운문장"
    planted = among_good(example(99, asked=f"{secret} name1", answer=f"{secret}<|endoftext|>"))
    dumped = examined(tmp_path, planted).model_dump_json()
    assert "i:99" in dumped and secret not in dumped


def test_the_gravest_come_first(tmp_path: Path) -> None:
    planted = [*PLANTED["empty-side"](), pair(200, licence=""), pair(201, ranking=((0, 1),))]
    found = [each.severity for each in examined(tmp_path, planted).findings]
    assert found == sorted(found, key=["blocking", "warning", "note"].index) and len({*found}) == 3


def test_baselines_are_of_all_kinds_and_of_each(tmp_path: Path) -> None:
    """Of the judges of length the one that is right most often is told, with its kind."""

    def judged_by_length(number: int, kind: str, longer_wins: bool) -> Preference:
        texts = (f"{words(number, 12)}이 좋아요.", "글쎄요.")
        return pair(number, *(texts if longer_wins else texts[::-1]), kind=kind)

    long = [judged_by_length(number, "long", number > 2) for number in range(30)]
    short = [judged_by_length(number, "short", False) for number in range(30, 60)]
    diagnosis = examined(tmp_path, [*long, *short])
    value = {(each.name, each.kind): each.value for each in diagnosis.baselines}
    assert (value["longer-wins", "long"], value["shorter-wins", "short"]) == (0.9, 1)
    assert (value["longer-wins", ""], value["longer-wins", "short"]) == (0.45, 0)
    assert all(each.low <= each.value <= each.high and each.n in (30, 60) for each in diagnosis.baselines)
    told = finding(diagnosis, "length-tells").parameters
    assert (told["kind"], told["judge"], told["value"]) == ("short", "shorter-wins", "1.00")


def test_a_prompt_with_many_pairs_is_one_observation(tmp_path: Path) -> None:
    """A ranking of five gives ten pairs: the interval is wider than that of as many prompts."""

    def ranked(number: int, count: int) -> Preference:
        texts = [words(100 * number + k, 4 if (number + k) % 3 else 9) for k in range(count)]
        responses = tuple(Response(content=text) for text in texts)
        return pair(number, responses=responses, ranking=tuple((k,) for k in range(count)))

    (tmp_path / "few").mkdir()
    few = examined(tmp_path / "few", [ranked(n, 5) for n in range(12)]).baselines
    many = examined(tmp_path, [ranked(n, 2) for n in range(120)]).baselines
    longer = [next(each for each in found if each.name == "longer-wins") for found in (few, many)]
    assert longer[0].n == longer[1].n == 120
    assert longer[0].high - longer[0].low != pytest.approx(longer[1].high - longer[1].low, abs=1e-3)


def test_the_sample_of_a_large_set_does_not_depend_on_its_order() -> None:
    pairs = [pair(number) for number in range(MAX_PREFERENCES + 300)]
    there, back = Sample(), Sample()
    for one, other in zip(pairs, reversed(pairs), strict=True):
        there.see(one)
        back.see(other)
    assert len(there.preferences()) == MAX_PREFERENCES and there.seen == len(pairs)
    assert {each.id for each in there.preferences()} == {each.id for each in back.preferences()}


@needs_shared
@pytest.mark.parametrize(("kind", "longer"), [("conv", 0.76), ("hate", 0.79), ("general", 0.21)])
def test_length_alone_judges_the_published_test_sets_as_measured(kind: str, longer: float) -> None:
    path = SHARED / "vaiv" / "preference" / "finalSet" / f"step2_test_{kind}.json"
    found = {each.name: each for each in examine([path]).baselines if not each.kind}
    assert round(found["longer-wins"].value, 2) == longer
    assert round(found["shorter-wins"].value, 2) == round(1 - longer, 2) and found["longer-wins"].n == 33


@needs_shared
@pytest.mark.parametrize(
    ("file", "codes"),
    [
        ("vaiv/preference/conversation_set/conversation_train.json", ["empty-side"]),
        ("kullm/kullm-v1.jsonl", ["evaluation-set"]),
        ("kullm/user_oriented_instructions_eval.jsonl", ["evaluation-set"]),
        ("kobest/COPA/test.tsv", ["evaluation-set"]),
        ("vaiv/eval_prompts/all_prompt.txt", ["evaluation-set"]),
        ("vaiv/sft/instructions/instructions_all.jsonl", []),
    ],
    ids=lambda each: Path(each).name if isinstance(each, str) else "",
)
def test_published_files_are_blocked_for_what_they_are(file: str, codes: list[str]) -> None:
    diagnosis = examine([SHARED / file])
    assert diagnosis.blocking == codes
    if file.endswith("instructions_all.jsonl"):
        found = {each.code: each.count for each in diagnosis.findings}
        assert found["placeholder"] > 150 and diagnosis.profile.by_kind["talk"] == 1_495
        assert {"register-tells-kind", "restricted-licence"} <= set(found)
