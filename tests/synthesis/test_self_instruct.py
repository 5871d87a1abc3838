"""Self-Instruct end to end, against a scripted author that repeats itself, paraphrases and drifts."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scripted_author import Author, sentence

from dajeong.data.filters.paraphrases import Units, similarity
from dajeong.data.filters.settings import ParaphraseSettings
from dajeong.data.rejects import Reject
from dajeong.errors import DataProblem, QualityProblem, RemoteProblem
from dajeong.records import Dialogue, last_user_text
from dajeong.storage import read_records, write_records
from dajeong.synthesis import foresight
from dajeong.synthesis.instruct_settings import SelfInstructSettings
from dajeong.synthesis.seeds import own_seeds
from dajeong.synthesis.self_instruct import run
from dajeong.workplace import Workplace
from scripted_server import Script, Server, Written, scripted

SYLLABLES = ParaphraseSettings(unit="syllables")


def settings_for(
    server: Server, concurrency: int = 8, service: dict[str, Any] | None = None, **more: Any
) -> SelfInstructSettings:
    given = {"similarity": SYLLABLES, "num_tasks": 40, "requests_per_round": 5} | more
    priced = {"concurrency": concurrency, "price_in": 1.0, "price_out": 2.0} | (service or {})
    return SelfInstructSettings(service=server.settings(**priced), **given)


def made(settings: SelfInstructSettings, folder: Path) -> Workplace:
    work = Workplace(folder, "si")
    run(settings, work)
    return work


def bytes_of(work: Workplace) -> dict[str, bytes]:
    names = ("prompts.jsonl", "records.jsonl", "rejects.jsonl", "stats.json")
    return {name: (work.folder / name).read_bytes() for name in names}


def records_of(work: Workplace, name: str) -> list[Dialogue]:
    return list(read_records(work.folder / f"{name}.jsonl", Dialogue))


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    with scripted(Script(Author())) as server:
        settings = settings_for(server, 16, num_tasks=1_000, requests_per_round=32)
        return made(settings, tmp_path_factory.mktemp("thousand"))


def test_a_thousand_instructions_hold_no_pair_above_the_limit(thousand: Workplace) -> None:
    prompts = records_of(thousand, "prompts")
    assert len(prompts) == 1_000
    texts = [last_user_text(each.messages) for each in (*own_seeds(), *prompts)]
    units = Units(SYLLABLES).of(texts)
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    scores = process.cdist(units[175:], units, scorer=Indel.normalized_similarity, score_cutoff=0.7)
    assert (scores > 0).sum() == len(prompts)  # each is like itself only
    assert similarity(units[0], units[0]) == 1.0


def test_class_balance_is_as_set(thousand: Workplace) -> None:
    kinds = Counter(each.kind for each in records_of(thousand, "prompts"))
    assert kinds == {
        "talk": 300,
        "advice": 200,
        "request": 200,
        "question": 100,
        "classification": 100,
        "abusive": 100,
    }
    labelled = [each for each in records_of(thousand, "records") if each.kind == "classification"]
    by_task: dict[str, Counter[str]] = {}
    for record in labelled:
        by_task.setdefault(record.meta["instruction"], Counter())[record.messages[-1].content] += 1
    assert len(by_task) > 90
    assert all(set(counts.values()) == {1} and len(counts) == 3 for counts in by_task.values())


def test_every_reject_has_its_reason(thousand: Workplace) -> None:
    rejects = list(read_records(thousand.folder / "rejects.jsonl", Reject))
    stats = json.loads((thousand.folder / "stats.json").read_text(encoding="utf-8"))
    assert Counter(each.code for each in rejects) == stats["rejected"]
    assert all(each.reason.startswith(each.code) for each in rejects)
    assert {"similar", "hangul", "keyword", "length", "first-character", "model-speaks", "unfilled"} <= set(
        stats["rejected"]
    )
    assert all(each.excerpt != "''" for each in rejects)
    assert set(stats["rejects"]) == set(stats["rejected"]) and stats["samples"]


def test_every_row_names_its_descent(thousand: Workplace) -> None:
    prompts = {each.id: each for each in records_of(thousand, "prompts")}
    seeds = {each.id for each in own_seeds()}
    machine = 0
    for record in records_of(thousand, "records"):
        task = prompts[record.meta["instruction"]]
        assert last_user_text(record.messages) == last_user_text(task.messages)
        assert record.source == "self-instruct" and record.kind == task.kind
    for task in prompts.values():
        shown = task.meta["seeds"], task.meta["machine"]
        assert set(shown[0]) <= seeds and set(shown[1]) <= set(prompts) and task.id not in shown[1]
        assert len(shown[0]) + len(shown[1]) == 8 and len(shown[1]) <= 2
        assert task.meta["model"] == "scripted" and task.meta["round"] >= 1 and len(task.meta["topics"]) == 2
        machine += len(shown[1])
        earlier = [prompts[each].meta["round"] for each in shown[1]]
        assert all(each < task.meta["round"] for each in earlier)
    assert machine > 500


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    with scripted(Script(Author())) as server:
        return bytes_of(made(settings_for(server, 13), tmp_path_factory.mktemp("whole")))


def test_concurrency_changes_no_byte(whole: dict[str, bytes], tmp_path: Path) -> None:
    with scripted(Script(Author())) as server:
        assert bytes_of(made(settings_for(server, 1), tmp_path)) == whole


def test_thoughts_before_an_answer_are_left_out(whole: dict[str, bytes], tmp_path: Path) -> None:
    author = Author()
    thoughts = '<think>과제를 {"tasks": ["거짓"]}처럼 지어 볼까?</think>\n'
    with scripted(Script(lambda messages: f"{thoughts}{author(messages)}")) as server:
        found = bytes_of(made(settings_for(server), tmp_path))
    assert all(found[name] == whole[name] for name in ("prompts.jsonl", "records.jsonl"))
    with (
        scripted(Script(lambda messages: "<think>과제를 지어 볼까?")) as server,
        pytest.raises(QualityProblem),
    ):
        made(settings_for(server, patience=1), tmp_path / "cut")


def test_another_seed_makes_other_instructions(tmp_path: Path) -> None:
    with scripted(Script(Author())) as server:
        one, other = (
            records_of(made(settings_for(server, seed=seed), tmp_path / str(seed)), "prompts")
            for seed in (0, 1)
        )
    assert len({each.id for each in one} & {each.id for each in other}) < 5


def test_a_model_that_only_repeats_itself_ends_short_and_says_so(tmp_path: Path) -> None:
    with scripted(Script(Author(repeat=1.0))) as server:
        work = made(settings_for(server, patience=2, classification_first=False, instances=0), tmp_path)
    stats = json.loads((work.folder / "stats.json").read_text(encoding="utf-8"))
    assert stats["prompts"] == 1 and sum(stats["missing_by_kind"].values()) == 39
    assert stats["rejected"].keys() == {"similar"} and records_of(work, "records") == []


def test_max_requests_is_a_bound(tmp_path: Path) -> None:
    with scripted(Script(Author())) as server:
        work = made(settings_for(server, max_requests=3, classification_first=False, instances=0), tmp_path)
        assert len(server.charged) == 3
    assert 0 < len(records_of(work, "prompts")) < 30


def test_nothing_kept_is_an_error_with_rejects(tmp_path: Path) -> None:
    adrift = Script(Author(repeat=0, paraphrase=0, drift=1.0))
    with scripted(adrift) as server, pytest.raises(QualityProblem) as problem:
        made(settings_for(server, patience=1), tmp_path)
    assert problem.value.code == "synthesis-nothing"
    assert (tmp_path / "steps/si/rejects.jsonl").stat().st_size > 0


SPOILT: dict[str, str | Written] = {
    "unreadable": "과제를 지어 보겠습니다. 첫째는 산책 이야기예요.",
    "cut": Written(
        '{"tasks": ["시골 장터에서 국밥을 처음 먹어 본 이야기를 들려주고 싶어요", "오래된 라디오를',
        finish="length",
    ),
    "broken": r'{"tasks": ["반쪽 글자 \ud800 때문에 못 쓰는 과제", "옆 동네로 이사한 이야기를 해 줄게"]}',
    "no-text": '{"tasks": ["겨울 바다를 보러 간 날 있었던 일을 말해 줄게", 3, null]}',
}


@pytest.mark.parametrize("code", SPOILT)
def test_a_spoilt_answer_is_counted_and_what_is_whole_is_kept(code: str, tmp_path: Path) -> None:
    def spoil(prompt: str, draw: random.Random) -> str | Written | None:
        return SPOILT[code] if '"tasks"' in prompt and draw.random() < 0.5 else None

    with scripted(Script(Author(spoil=spoil))) as server:
        work = made(settings_for(server, num_tasks=20, patience=20), tmp_path)
    stats = json.loads((work.folder / "stats.json").read_text(encoding="utf-8"))
    texts = [last_user_text(each.messages) for each in records_of(work, "prompts")]
    assert stats["rejected"][code] >= 1 and len(texts) == 20
    if code == "cut":
        assert any("국밥" in text for text in texts) and not any(
            text.startswith("오래된 라디오") for text in texts
        )


def test_labels_that_come_unevenly_are_balanced_or_their_task_is_dropped(tmp_path: Path) -> None:
    def spoil(prompt: str, draw: random.Random) -> str | None:
        if "이름표:" not in prompt:
            return None
        given = [("긍정", 3), ("부정", 1), ("중립", draw.randrange(3)), ("모름", 1)]
        rows = [{"output": label, "input": sentence(draw)} for label, count in given for _ in range(count)]
        return json.dumps({"instances": rows})

    with scripted(Script(Author(spoil=spoil))) as server:
        kinds = {"classification": 1.0}
        work = made(settings_for(server, num_tasks=12, instances=2, kinds=kinds), tmp_path)
    stats = json.loads((work.folder / "stats.json").read_text(encoding="utf-8"))
    records = records_of(work, "records")
    by_task = Counter(each.meta["instruction"] for each in records)
    labels = Counter(each.messages[-1].content for each in records)
    assert set(by_task.values()) == {3} and labels["긍정"] == labels["부정"] == labels["중립"] == len(by_task)
    assert stats["rejected"]["label-missing"] == 12 - len(by_task) > 0
    assert stats["rejected"]["answer-no-label"] == 12


def test_requests_that_fail_are_rejects_and_no_records(tmp_path: Path) -> None:
    def spoil(prompt: str, draw: random.Random) -> str | Written | None:
        return Written(None, refusal="no") if draw.random() < 0.2 else None

    with scripted(Script(Author(spoil=spoil))) as server:
        work = made(settings_for(server, num_tasks=30, service={"max_retries": 0}), tmp_path)
    stats = json.loads((work.folder / "stats.json").read_text(encoding="utf-8"))
    assert stats["rejected"]["refused-by-service"] >= 1 and stats["prompts"] == 30
    assert stats["rejected"]["answer-refused-by-service"] >= 1 and stats["records"] < 60


def test_seeds_of_ones_own_are_shown_and_a_kind_without_seeds_is_refused(tmp_path: Path) -> None:
    mine = [
        each.model_copy(update={"id": f"mine:{n}"})
        for n, each in enumerate(own_seeds())
        if each.kind == "talk"
    ]
    write_records(tmp_path / "mine.jsonl", mine[:9])
    work = Workplace(tmp_path, "si", inputs={"seeds": (tmp_path / "mine.jsonl",)})
    with scripted(Script(Author())) as server:
        with pytest.raises(DataProblem) as problem:
            run(settings_for(server), work)
        assert problem.value.parameters["kinds"] == "advice, request, question, classification, abusive"
        run(settings_for(server, kinds={"talk": 1.0}, num_tasks=10), work)
    assert all(
        seed.startswith("mine:") for each in records_of(work, "prompts") for seed in each.meta["seeds"]
    )


def test_the_estimate_asks_nothing_and_brackets_what_is_paid(tmp_path: Path) -> None:
    with scripted(Script(Author())) as server:
        settings = settings_for(server, proposing={"max_new_tokens": 700}, answering={"max_new_tokens": 200})
        before = foresight.estimate(settings, Workplace(tmp_path, "si"))
        assert not server.calls and not any(tmp_path.iterdir())
        made(settings, tmp_path)
        paid = server.dollars(1.0, 2.0)
    assert before.low is not None and before.expected is not None and before.high is not None
    assert before.low < before.expected < before.high and before.low < paid < before.high


def test_a_budget_stops_the_step_and_a_larger_one_goes_on(whole: dict[str, bytes], tmp_path: Path) -> None:
    with scripted(Script(Author())) as server:
        with pytest.raises(RemoteProblem):
            made(settings_for(server, service={"budget": 0.06}), tmp_path)
        assert 0 < server.dollars(1.0, 2.0) <= 0.06
        assert bytes_of(made(settings_for(server), tmp_path)) == whole
