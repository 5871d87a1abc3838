"""NIKL's everyday conversation: every year's shape, folder or zip, becomes turns of two people with names."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from reading_step import Outcome

from dajeong.data.placeholders import has_placeholder
from dajeong.data.readers.nikl import Nikl, Turn, between_two
from dajeong.data.rows import Bad, Left
from dajeong.records import Dialogue
from source_rows import talk, utterance

SAID = (("1", "점심"), ("1", "뭐 먹을까?"), ("2", "김치찌개가 좋겠어요."), ("1", "그래."), ("2", "가자."))


def read(document: dict[str, Any], **options: Any) -> Dialogue:
    (record,) = Nikl(**options)("nikl", document)
    assert isinstance(record, Dialogue), record
    return record


def left(document: dict[str, Any], **options: Any) -> Left:
    (part,) = Nikl(**options)("nikl", document)
    assert isinstance(part, Left), part
    return part


def said(record: Dialogue) -> list[str]:
    return [message.content for message in record.messages]


def variants() -> dict[str, dict[str, Any]]:
    """The same talk as each year writes it down."""
    first = talk(*SAID)
    document = first["document"][0]
    later = talk(*SAID)
    later["document"][0]["id"] = "SDRW2100000001.1.1"
    for number, each in enumerate(later["document"][0]["utterance"]):
        each.update(start=str(number), end=number + 0.5, note=None)
    messenger = talk(*SAID)
    for each in messenger["document"][0]["utterance"]:
        each["time"] = "20190101 10:00"
        each["speaker_id"] = int(each["speaker_id"])
    single = {**first, "document": document}
    newer = {"id": "SARW2400000001", "metadata": {"topic": ["식음료", "점심"]}, "document": [dict(document)]}
    newer["document"][0] = {**document, "metadata": {"speaker": []}}
    original = talk(*SAID)
    for each in original["document"][0]["utterance"]:
        del each["form"]
    return {
        "2020": first,
        "2021": later,
        "messenger": messenger,
        "one object": single,
        "topic of the file, as a list": newer,
        "only as spoken": original,
    }


@pytest.mark.parametrize("year", variants())
def test_every_shape_says_the_same(year: str) -> None:
    record = read(variants()[year])
    assert said(record) == ["점심 뭐 먹을까?", "김치찌개가 좋겠어요.", "그래.", "가자."]
    assert [message.role for message in record.messages] == ["user", "assistant"] * 2
    assert record.kind == "talk" and record.meta["topic"] == "식음료 > 점심"
    assert record.id.startswith(("nikl:SDRW2", "nikl:SARW24"))


def test_what_is_taken_can_be_chosen() -> None:
    document = talk(*SAID)
    assert said(read(document, take="first")) == ["점심 뭐 먹을까?", "김치찌개가 좋겠어요."]
    assert read(document, take="prompt").is_prompt and said(read(document, take="prompt")) == [
        "점심 뭐 먹을까?"
    ]
    assert len(said(read(talk(*SAID, ("1", "응."))))) == 4, "an open question at the end is no example"


@pytest.mark.parametrize("take", ["dialogue", "first"])
def test_a_monologue_is_no_exchange(take: str) -> None:
    part = left(talk(("1", "점심"), ("1", "먹자.")), take=take)
    assert (part.rule, part.text, part.chosen) == ("no-exchange", "점심", False)
    assert read(talk(("1", "점심 먹자.")), take="prompt").is_prompt


def test_topics_can_be_chosen() -> None:
    document = talk(*SAID, topic="여행지(국내/해외) > 기억에 남는 여행지")
    assert left(document, topics=("먹거리",)).chosen
    assert read(document, topics=("여행지(국내/해외)", "먹거리")).meta["topic"].startswith("여행지")


def test_a_third_voice_stays_out_of_the_answer() -> None:
    turns = [
        Turn("1", "가?"),
        Turn("2", "나."),
        Turn("3", "잠깐!"),
        Turn("1", "다?"),
        Turn("3", "라."),
        Turn("1", "마?"),
    ]
    two, others = between_two(turns)
    assert two == [Turn("3", "잠깐!"), Turn("1", "다?"), Turn("3", "라."), Turn("1", "마?")] and others == 2
    document = talk(*((turn.speaker, turn.text) for turn in turns))
    assert read(document).meta["of_others"] == 2


def test_names_are_the_same_all_through_and_take_their_particles() -> None:
    document = talk(
        ("1", "name1이가 name2 씨랑 왔어?"),
        ("2", "&name1&은 왔고 name2는 안 왔어."),
        ("1", "company-name1에서 address1로 갔대, x 그래."),
    )
    texts = said(read({**document, "document": document["document"]}))
    assert not any(has_placeholder(text) for text in texts) and len(texts) == 2
    first = texts[0].split("가 ")[0].removesuffix("이")
    assert texts[1].startswith(first) and texts[1].split(" ")[0][-1] in "은는"
    kept = said(read(document, placeholders="keep"))
    assert kept[0].startswith("name1이가 name2")
    assert left(document, placeholders="drop").rule == "placeholder"


def test_a_dialogue_without_an_id_has_one_of_its_content() -> None:
    document = talk(*SAID)
    del document["document"][0]["id"]
    del document["metadata"]
    del document["id"]
    assert (
        read(document).id
        == read(document).id
        != read({**document, "document": talk(*SAID[1:])["document"]}).id
    )
    assert read(document).id.startswith("nikl:")


def test_fillers_and_the_spoken_form() -> None:
    document = talk(("1", "어~ 점심 먹을까?"), ("2", "그~ 좋아."))
    assert said(read(document))[0] == "어~ 점심 먹을까?"
    assert said(read(document, fillers="strip")) == ["점심 먹을까?", "좋아."]
    document["document"][0]["utterance"][0]["original_form"] = "아- 점심 (()) 머글까?"
    assert said(read(document, form="original_form"))[0] == "아 점심 머글까?"


@pytest.mark.parametrize(
    "document",
    [
        {"document": "없음"},
        {"document": [{"id": "a"}]},
        {"document": [{"id": "a", "utterance": [{"form": "가"}]}]},
        {"document": [{"id": "a", "utterance": [{"form": 3, "speaker_id": "1"}]}]},
        {"document": [{"id": "a", "utterance": [{"form": "가", "speaker_id": None}]}]},
        {"document": ["a"]},
    ],
)
def test_a_document_of_another_shape_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(Bad):
        Nikl()("nikl", document)


def documents() -> dict[str, bytes]:
    """Three files as they come: with a mark of byte order, indented, in one line."""
    texts = [talk(*SAID[:-1], ("2", f"{number}시에 가자."), number=number) for number in (1, 2, 3)]
    return {
        "SDRW2000000001.json": json.dumps(texts[0], ensure_ascii=False, indent=4).encode("utf-8-sig"),
        "SDRW2000000002.json": json.dumps(texts[1], ensure_ascii=False, indent="\t")
        .replace("\n", "\r\n")
        .encode(),
        "SDRW2000000003.json": json.dumps(texts[2], ensure_ascii=False).encode(),
    }


def test_a_folder_and_a_zip_as_downloaded_are_one(tmp_path: Path) -> None:
    folder = tmp_path / "NIKL_DIALOGUE_2020_v1.3"
    folder.mkdir()
    for name, content in documents().items():
        (folder / name).write_bytes(content)
    (folder / "이용 안내.txt").write_text("말뭉치 안내\n", encoding="utf-8")
    archive = tmp_path / f"{folder.name}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in folder.iterdir():
            packed.write(path, f"{folder.name}/{path.name}")
    of_folder = Outcome(tmp_path / "a", "nikl", [folder]).run()
    of_zip = Outcome(tmp_path / "b", "nikl", [archive]).run()
    assert of_folder.dialogues == of_zip.dialogues and len(of_zip.dialogues) == 3
    assert [record.id for record in of_zip.dialogues] == [
        f"nikl:SDRW200000000{number}.1" for number in (1, 2, 3)
    ]
    assert of_folder.stats["by_file"] == {folder.name: 3} and of_zip.stats["by_file"] == {archive.name: 3}
    assert all("no redistribution" in record.licence for record in of_zip.dialogues)


def test_a_broken_file_costs_itself_and_is_named(tmp_path: Path) -> None:
    for name, content in documents().items():
        (tmp_path / name).write_bytes(content)
    whole = (tmp_path / "SDRW2000000001.json").read_bytes()
    (tmp_path / "SDRW2000000001.json").write_bytes(whole[: len(whole) // 2])
    outcome = Outcome(tmp_path / "run", "nikl", [tmp_path], max_unreadable=0.5).run()
    assert outcome.stats["records"] == 2 and outcome.stats["unreadable"] == 1
    assert outcome.rejects[0].file == "SDRW2000000001.json" and outcome.rejects[0].code == "unreadable-cut"
    assert outcome.rejects[0].line > 5


def test_an_empty_utterance_is_no_turn() -> None:
    document = talk(*SAID)
    document["document"][0]["utterance"].insert(1, utterance(9, "2", " "))
    assert said(read(document))[0] == "점심 뭐 먹을까?"
