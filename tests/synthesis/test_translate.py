"""The step `translate`: marks come back or the record is listed; evaluation sets stay; no double pay."""

from __future__ import annotations

import contextlib
import html
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from invented_translator import WAYS, dropping, keeping, korean, lot, model
from making_step import Heard, Made, left_behind, run_until, workplace

from dajeong.data import read
from dajeong.data.reserved import refuse_reserved, reserved_for
from dajeong.data.settings import ReadSettings
from dajeong.errors import DataProblem, QualityProblem, RemoteProblem
from dajeong.journal import read_journal
from dajeong.records import Dialogue, Message, Preference, Response
from dajeong.storage import read_records
from dajeong.synthesis import mask, translate
from dajeong.synthesis.asking import CACHE
from dajeong.synthesis.translate_settings import TranslateSettings
from dajeong.workplace import Workplace
from scripted_server import Script, Server, Written, scripted
from shared_data import SHARED, needs_shared


def settings(server: Server, **more: Any) -> TranslateSettings:
    return TranslateSettings(service=server.settings(price_in=1.0, price_out=2.0), **more)


def dialogue(number: int, question: str, answer: str, context: str | None = None) -> Dialogue:
    messages = (
        Message(role="user", content=question, context=context),
        Message(role="assistant", content=answer),
    )
    return Dialogue(id=f"made:{number}", source="made", licence="Apache-2.0", messages=messages)


COOKING = [
    dialogue(
        1,
        "How long do I boil 3 eggs?",
        "Boil them for 10 minutes.\nThen run `cool(eggs)` in https://example.org.",
    ),
    dialogue(2, "Sum this up.", "It is short.", context="Tea is 1,000 years old.\n\nIt came by ship."),
]


def test_a_record_is_translated_whole_and_says_by_whom(tmp_path: Path) -> None:
    with scripted(Script(reply=model())) as server:
        told = settings(server, licence="CC-BY-4.0")
        made = Made(translate.run, told, tmp_path, {"data": COOKING})
        first, second = made.read("records", Dialogue)
        assert (first.id, first.source, first.licence) == ("ko:made:1", "made", "Apache-2.0 AND CC-BY-4.0")
        assert first.meta["translation"] == {"by": "scripted, translate-1", "flags": []}
        answer = first.messages[1].content
        assert "10" in answer and "`cool(eggs)`" in answer and "https://example.org" in answer
        assert not re.search("[a-z]", answer.replace("`cool(eggs)`", "").replace("https://example.org", ""))
        assert second.messages[0].context.count("\n") == 2
        assert made.stats["cost"] == pytest.approx(server.dollars(1.0, 2.0))
        (note,) = read_journal(made.work.folder / "journal.jsonl", "note")
        assert note["spent"] == pytest.approx(server.dollars(1.0, 2.0))
        assert note["synthesis"] == made.stats


def test_what_is_sent_names_the_register_the_question_and_no_code(tmp_path: Path) -> None:
    with scripted(Script(reply=model())) as server:
        Made(translate.run, settings(server), tmp_path, {"data": COOKING[:1]})
        question, answer = sorted(
            (call.body["messages"] for call in server.calls), key=lambda sent: "context>" in str(sent)
        )
    assert "해요체" in answer[0]["content"] and "해요체" not in question[0]["content"]
    assert "How long do I boil 3 eggs?" in answer[1]["content"].split("</context>")[0]
    assert (
        "cool(eggs)" not in str(answer) and "example.org" not in str(answer) and "⟦0⟧" in answer[1]["content"]
    )


def test_pairs_are_translated_with_all_their_responses(tmp_path: Path) -> None:
    pair = Preference(
        id="made:p",
        prompt=COOKING[0].messages[:1],
        responses=(Response(content="Ten minutes.", author="a"), Response(content="No idea.", author="b")),
        ranking=((0,), (1,)),
    )
    with scripted(Script(reply=model())) as server:
        (found,) = Made(translate.run, settings(server), tmp_path, {"data": [pair]}).read(
            "records", Preference
        )
    assert found.ranking == pair.ranking and [each.author for each in found.responses] == ["a", "b"]
    assert [each.content for each in found.responses] == [korean("Ten minutes."), korean("No idea.")]


def test_a_text_that_comes_twice_is_paid_once_and_korean_or_bare_code_is_not_sent(tmp_path: Path) -> None:
    records = [
        dialogue(1, "Good morning to you.", "안녕하세요, 반갑습니다."),
        dialogue(2, "Good morning to you.", "```\nx = 1\n```"),
    ]
    with scripted(Script(reply=model())) as server:
        first, second = Made(translate.run, settings(server), tmp_path, {"data": records}).read(
            "records", Dialogue
        )
        assert len(server.calls) == 1
    assert (
        first.messages[1].content == "안녕하세요, 반갑습니다."
        and second.messages[1].content == "```\nx = 1\n```"
    )
    assert first.meta["translation"]["flags"] == ["already-korean"]


def test_a_fault_is_told_and_asked_again_then_cut_at_the_marks(tmp_path: Path) -> None:
    def forgetful(messages: list[dict[str, str]]) -> str:
        said = messages[-1]["content"]
        return model([dropping])(messages) if "⟦" in said else model()(messages)

    with scripted(Script(reply=forgetful)) as server:
        made = Made(translate.run, settings(server), tmp_path, {"data": COOKING[:1]})
        told = [call.body["messages"][-1]["content"] for call in server.calls]
    (record,) = made.read("records", Dialogue)
    assert record.meta["translation"]["flags"] == ["segments"]
    assert "`cool(eggs)`" in record.messages[1].content and made.stats["flagged"] == {"segments": 1}
    assert sum("표시가 빠지거나" in each for each in told) == 1
    assert any("\nBoil them for 10 minutes.\n" in each for each in told)


FAULTY = {
    "hangul": lambda text: text,
    "refusal": lambda text: "죄송하지만 답변을 드릴 수 없습니다 " + korean(text),
    "own-talk": lambda text: "번역: " + korean(text),
    "digits": lambda text: re.sub(r"\d", "", korean(text)),
    "ratio": lambda text: korean(text) * 3,
    "repeated": lambda text: korean(text)[:12] + " 해 또 해 또" * 5,
    "empty": lambda text: "…",
}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_translation_drops_its_record_under_its_own_name(rule: str, tmp_path: Path) -> None:
    way = FAULTY[rule]
    bad = dialogue(1, "Tell me about 5 dogs that like to sleep under big trees.", "They sleep.")
    fine = [dialogue(number, f"Tell me about {number} cats.", "They are fine.") for number in (2, 3)]

    def reply(messages: list[dict[str, str]]) -> str:
        return model([way if "dogs" in messages[-1]["content"] else keeping])(messages)

    with scripted(Script(reply=reply)) as server:
        made = Made(translate.run, settings(server, tries=1, context=False), tmp_path, {"data": [bad, *fine]})
    assert [reject.code for reject in made.rejects] == [rule]
    assert [record.id for record in made.read("records", Dialogue)] == ["ko:made:2", "ko:made:3"]


def test_a_record_without_an_answer_is_listed_and_asked_for_again_by_the_next_run(tmp_path: Path) -> None:
    records = many(4)
    with scripted(Script(reply=model())) as server:
        told = TranslateSettings(service=server.settings(max_retries=0))
        server.script.fault_of = lambda number, body: 503 if "number 2," in str(body) else None
        made = Made(translate.run, told, tmp_path, {"data": records})
        assert [(reject.file, reject.code) for reject in made.rejects] == [("made:2", "server-error")]
        asked, server.script.fault_of = len(server.calls), None
        made = Made(translate.run, told, tmp_path, {"data": records})
        assert made.rejects == [] and len(server.calls) - asked <= 2
    assert [record.id for record in made.read("records", Dialogue)] == [f"ko:made:{n}" for n in range(4)]


def test_thoughts_and_a_frame_around_a_translation_are_no_part_of_it(tmp_path: Path) -> None:
    def framed(messages: list[dict[str, str]]) -> str:
        return f"<think>Let me see.\n\nWell.</think>\n<source>\n{model()(messages)}\n</source>"

    with scripted(Script(reply=framed)) as server:
        made = Made(translate.run, settings(server, tries=1), tmp_path, {"data": COOKING[:1]})
    (record,) = made.read("records", Dialogue)
    assert record.messages[0].content == korean("How long do I boil 3 eggs?")


def test_a_reply_cut_off_is_translated_line_by_line(tmp_path: Path) -> None:
    def short_winded(messages: list[dict[str, str]]) -> Written:
        text = model()(messages)
        return Written(text, "length" if "\n" in text else "stop")

    record = dialogue(1, "Say it.", "One line here.\nAnother line there.")
    with scripted(Script(reply=short_winded)) as server:
        made = Made(translate.run, settings(server), tmp_path, {"data": [record]})
    (found,) = made.read("records", Dialogue)
    assert found.messages[1].content == korean("One line here.\nAnother line there.")


def test_requests_that_hang_on_english_are_set_aside_as_they_are(tmp_path: Path) -> None:
    record = dialogue(1, "Find a word that rhymes with moon.", "Spoon.")
    with scripted(Script(reply=model())) as server:
        made = Made(translate.run, settings(server), tmp_path, {"data": [record, *COOKING]})
        assert not any("moon" in str(call.body) for call in server.calls)
    (found,) = made.read("flagged", Dialogue)
    assert (
        found.messages == record.messages and found.meta["translation"]["english_wording"] == "sound: rhymes"
    )
    assert made.stats["set_aside"] == 1 and len(made.read("records", Dialogue)) == 2


def test_a_service_that_translates_nothing_stops_the_step_and_the_rejects_are_kept(tmp_path: Path) -> None:
    with (
        scripted(Script(reply=model([str]))) as server,
        pytest.raises(QualityProblem) as caught,
    ):
        Made(translate.run, settings(server), tmp_path, {"data": COOKING})
    assert caught.value.code == "synthesis-nothing" and "hangul" in str(caught.value)
    folder = tmp_path / "steps" / "made"
    assert not (folder / "records.jsonl").exists()
    assert len((folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_the_budget_stops_the_step_before_it_is_exceeded(tmp_path: Path) -> None:
    with scripted(Script(reply=model())) as server:
        limited = server.settings(price_in=1.0, price_out=2.0, budget=0.001)
        with pytest.raises(RemoteProblem):
            Made(translate.run, TranslateSettings(service=limited), tmp_path, {"data": COOKING * 20})
        assert server.dollars(1.0, 2.0) <= 0.001


def test_the_price_is_known_before(tmp_path: Path) -> None:
    with scripted(Script(reply=model())) as server:
        told = settings(server, tries=1)
        work = workplace(tmp_path, {"data": COOKING})
        before = translate.estimate(told, work)
        assert server.calls == [] and not (tmp_path / CACHE).exists()
        translate.run(told, work)
        paid = server.dollars(1.0, 2.0)
        assert 0 < paid <= before.high and before.low < before.high
        assert before.requests == len(server.calls)
        assert translate.estimate(told, work).high == 0


def test_the_price_of_many_is_reckoned_from_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted() as server:
        work = workplace(tmp_path, {"data": many(40)})
        exact = translate.estimate(settings(server), work)
        monkeypatch.setattr(translate, "LOOKED_AT", 10)
        some = translate.estimate(settings(server), work)
    assert some.requests == exact.requests == 80
    assert some.expected == pytest.approx(exact.expected, rel=0.05)


# --- KULLM's tasks


def kullm(folder: Path) -> list[Dialogue]:
    work = Workplace(folder, "read")
    path = str(SHARED / "kullm" / "kullm-v1.jsonl")
    read.run(ReadSettings(source="kullm", path=(path,), evaluation=True), work)
    return list(read_records(work.folder / "records.jsonl", Dialogue))


def texts(record: Dialogue) -> list[str]:
    found = [text for message in record.messages for text in (message.content, message.context)]
    return [text for text in found if text]


@needs_shared
def test_every_mask_of_kullms_code_and_latex_is_restored_or_its_record_is_listed(tmp_path: Path) -> None:
    bearing = [record for record in kullm(tmp_path) if any(mask.masked(text).spans for text in texts(record))]
    assert len(bearing) >= 20
    wild = model(WAYS, stubborn=2)

    def reply(messages: list[dict[str, str]]) -> str:
        """Now and then a piece without marks gets one, too, or is lost."""
        said = messages[-1]["content"]
        way = lot(said + "piece", 12) if "⟦" not in said else 0
        return {1: "네 ⟦0⟧", 2: "⟦"}.get(way) or wild(messages)

    with scripted(Script(reply=reply)) as server:
        everything = settings(server, english_only="translate", max_rejected=0.9)
        made = Made(translate.run, everything, tmp_path, {"data": bearing})
    accepted = {record.id: record for record in made.read("records", Dialogue)}
    rejected = {reject.file: reject for reject in made.rejects}
    assert len(accepted) > 10 and len(rejected) > 3 and {reject.code for reject in made.rejects} >= {"mask"}
    assert sorted([*accepted, *(f"ko:{identity}" for identity in rejected)]) == sorted(
        f"ko:{record.id}" for record in bearing
    )
    num_masks = 0
    for record in bearing:
        if made_of := accepted.get(f"ko:{record.id}"):
            for before, after in zip(texts(record), texts(made_of), strict=True):
                spans = mask.masked(before).spans
                num_masks += len(spans)
                place = 0
                for span in spans:
                    place = after.index(span, place) + len(span)
                assert "⟦" not in after and "⟧" not in after
    assert num_masks > 20
    assert made.stats["flagged"]["segments"] >= 3
    with pytest.raises(DataProblem):
        refuse_reserved(list(accepted.values())[:1], "sft")
    assert all(record.meta["evaluation"] for record in accepted.values())


@needs_shared
def test_an_evaluation_set_that_does_not_say_so_is_recognised_before_it_is_korean(tmp_path: Path) -> None:
    plain = [
        record.model_copy(update={"meta": {}, "id": f"x{number}"})
        for number, record in enumerate(kullm(tmp_path))
    ]
    silent = [record for record in plain if reserved_for(record)][:4]
    with scripted(Script(reply=model())) as server:
        made = Made(
            translate.run,
            settings(server, english_only="translate", max_rejected=0.9),
            tmp_path,
            {"data": silent},
        )
    records = made.read("records", Dialogue)
    assert records and {record.meta["evaluation"] for record in records} == set(map(reserved_for, silent))


# --- killed


def many(count: int) -> list[Dialogue]:
    return [
        dialogue(
            number,
            f"Tell me a fact about number {number}, and use `f({number})`.",
            f"It is {number} in $x_{number}$.",
        )
        for number in range(count)
    ]


def test_killed_at_random_points_and_resumed_is_byte_for_byte_uninterrupted(tmp_path: Path) -> None:
    """And nothing that was answered is paid for again: at most what was under way is."""
    reply = model(WAYS, stubborn=2)
    inputs = {"data": many(24)}
    with scripted(Script(reply=reply)) as server:
        told = settings(server, batch_records=8)
        whole = Made(translate.run, told, tmp_path / "whole", inputs)
        uninterrupted = len(server.charged)
    draw = random.Random(5)
    points = sorted(draw.sample(range(3, uninterrupted - 3), 5))
    with scripted(Script(reply=reply)) as server:
        told = told.model_copy(
            update={"service": server.settings(price_in=1.0, price_out=2.0, concurrency=4)}
        )
        run = tmp_path / "killed"
        workplace(run, inputs)
        for point in [*points, None]:
            run_until(server, "dajeong.synthesis.translate:run", told, run, point)
        assert left_behind(run) == left_behind(whole.work.run)
        assert uninterrupted <= len(server.charged) <= uninterrupted + 4 * len(points)


# --- DeepL


def deepl(text: str) -> str:
    """Leaves tags alone, as it promises."""
    parts = re.split(r'(<x id="\d+"/>)', text)
    return "".join(
        part if part.startswith("<x") else html.escape(korean(html.unescape(part)), quote=False)
        for part in parts
    )


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPL_AUTH_KEY", "made-up:fx")


@pytest.mark.usefixtures("_key")
def test_deepl_gets_tags_for_masks_and_the_register_as_an_instruction(tmp_path: Path) -> None:
    records = [*COOKING, dialogue(3, "Is 3 < 4 & 5 > 2?", "Yes, {name}.")]
    with scripted(Script(translate=deepl)) as server:
        told = TranslateSettings(deepl=server.deepl_settings(price=20.0))
        made = Made(translate.run, told, tmp_path, {"data": records})
        bodies = [call.body for call in server.calls]
        assert made.stats["cost"] == pytest.approx(server.characters * 20 / 1e6)
    first, _, third = made.read("records", Dialogue)
    assert "`cool(eggs)`" in first.messages[1].content and "{name}" in third.messages[1].content
    assert third.messages[0].content.count("<") == third.messages[0].content.count("&") == 1
    assert len(bodies) == 2, "texts go together; the registers apart"
    assert [body.get("custom_instructions", [""])[0][:9] for body in bodies] == ["", "모든 문장을 해요"]
    assert not any("cool(eggs)" in str(body) for body in bodies)


@pytest.mark.usefixtures("_key")
def test_deepl_chunks_by_count_and_bytes_and_stops_at_its_quota(tmp_path: Path) -> None:
    records = [
        dialogue(number, f"Tell me about {number}.", "Good. " * 700 + f"It is {number}.")
        for number in range(60)
    ]
    with scripted(Script(translate=deepl, characters_left=150_000)) as server:
        told = TranslateSettings(deepl=server.deepl_settings(), batch_records=60, drop=())
        with pytest.raises(RemoteProblem):
            Made(translate.run, told, tmp_path, {"data": records})
        assert server.characters <= 150_000
        assert max(len(call.body["text"]) for call in server.calls) <= 50
        assert (
            max(len(json.dumps(call.body, ensure_ascii=False).encode()) for call in server.calls)
            <= 128 * 1024
        )
        paid, server.script.characters_left = server.characters, None
        made = Made(translate.run, told, tmp_path, {"data": records})
        wanted = sum(len(text) for record in records for text in texts(record))
        assert server.characters == wanted and paid > 0, "what was translated before is not paid again"
    assert len(made.read("records", Dialogue)) == 60


# --- told to people


def test_the_bar_moves_with_every_text_to_its_end_and_says_what_was_spent(tmp_path: Path) -> None:
    moves: list[tuple[int, str]] = []

    class Listening(Heard):
        @contextlib.contextmanager
        def bar(self, code: str, total: int, **parameters: object) -> Iterator[Any]:
            moves.append((-total, code))
            yield self

        def advance(self, steps: int = 1, note: str = "") -> None:
            moves.append((steps, note))

    with scripted(Script(reply=model())) as server:
        work = workplace(tmp_path, {"data": many(10)})
        work.progress = Listening()
        translate.run(settings(server, batch_records=6), work)
        spent = f"${server.dollars(1.0, 2.0):.4f}"
    assert moves[0] == (-10, "translating") and sum(steps for steps, _ in moves[1:]) == 10
    assert len([steps for steps, _ in moves[1:] if steps]) == 10 and moves[-1][1] == spent
    assert work.progress.codes == ["synthesis-done"]


def test_too_many_rejects_stop_the_step_and_are_kept(tmp_path: Path) -> None:
    records = many(4)

    def half(messages: list[dict[str, str]]) -> str:
        return model([keeping if "number 1," in messages[-1]["content"] else str])(messages)

    with scripted(Script(reply=half)) as server, pytest.raises(QualityProblem) as caught:
        Made(translate.run, settings(server, context=True), tmp_path, {"data": records})
    assert caught.value.code == "synthesis-rejected" and "3" in str(caught.value)
    assert not (tmp_path / "steps" / "made" / "records.jsonl").exists()
