"""The model card: deterministic, honest about licences, deaf to markup in names, silent about texts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dajeong.models.card import (
    MAX_ROWS,
    CardFacts,
    Origin,
    card,
    head_of,
    licence_in,
    named,
    origins_in,
    word_of,
)
from dajeong.records import Dialogue, Message
from dajeong.report.cards import facts_of
from dajeong.training.cards import card_of, counted
from dajeong.training.settings import SftSettings
from dajeong.workplace import Workplace

FREE = Origin("sft", "data", "smalltalk", "Apache-2.0", 600)
NC = Origin("sft", "data", "koalpaca", "CC BY-NC 4.0", 1)
ELSEWHERE: dict[str, object] = {"base": "org/base", "base_counted": False}


def facts(*origins: Origin, **changes: object) -> CardFacts:
    plain = CardFacts(
        name="sft",
        kind="sft",
        role="sft",
        base="../base",
        base_licence="",
        base_counted=True,
        origins=origins or (FREE,),
        template="kullm",
        seed=0,
        settings={"epochs": 1.0, "optimizer": {"learning_rate": 3e-4}},
        versions={"torch": "2.13.0"},
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("licence", "word"),
    [
        ("CC BY-NC 4.0", "non-commercial"),
        ("cc-by-nc-sa-4.0", "non-commercial"),
        ("for non-commercial research", "non-commercial"),
        ("비상업적 용도", "non-commercial"),
        ("", "unknown"),
        ("unstated; texts of NIKL and AIHub stand under their own terms", "unknown"),
        ("Apache-2.0", "stated"),
        ("MIT", "stated"),
        ("CC BY-SA 3.0", "stated"),
    ],
)
def test_the_word_of_a_licence(licence: str, word: str) -> None:
    assert word_of(licence) == word


def test_one_known_licence_is_the_licence_of_the_model() -> None:
    head = head_of(card(facts()))
    assert head["license"] == "apache-2.0" and "license_name" not in head
    assert (head["base_model"], head["library_name"], head["language"]) == ("../base", "peft", ["ko"])


@pytest.mark.parametrize(
    ("origins", "changes", "word"),
    [
        ((FREE, NC), {}, "non-commercial"),
        ((FREE, FREE._replace(licence="")), {}, "unknown"),
        ((FREE,), ELSEWHERE, "unknown"),
        ((FREE,), {**ELSEWHERE, "base_licence": "cc-by-nc-4.0"}, "non-commercial"),
        ((FREE, FREE._replace(source="other", licence="MIT")), {}, "stated"),
    ],
)  # fmt: skip
def test_the_strictest_word_goes_first(
    origins: tuple[Origin, ...], changes: dict[str, object], word: str
) -> None:
    text = card(facts(*origins, **changes))
    head = head_of(text)
    assert (head["license"], head["license_name"]) == ("other", word)
    assert licence_in(text) == word
    assert text.partition("## Licence")[2].strip().splitlines()[2].startswith(f"**{word}**")
    ranks = [word_of(row["licence"]) for row in head["origins"]]
    assert ranks == sorted(ranks, key=["non-commercial", "unknown", "stated"].index)


def test_a_base_of_unknown_licence_is_said_to_be_unknown() -> None:
    assert "its licence: unknown" in card(facts(base="org/base", base_counted=False))


def test_origins_are_handed_on_and_each_is_counted_once() -> None:
    first = origins_in(card(facts(FREE, FREE._replace(step="base", given="text"))))
    mine = Origin("ppo", "prompts", "vaiv", "", 9)
    again = origins_in(card(facts(mine, *first, *first)))
    assert sorted(again) == sorted([mine, *first])


def test_many_sources_are_summed_and_no_word_is_lost() -> None:
    many = [Origin("sft", "data", f"s{i}", "MIT", 1) for i in range(3 * MAX_ROWS)]
    strict = [Origin("sft", "data", f"nc{i}", "CC BY-NC 4.0", 1) for i in range(MAX_ROWS + 5)]
    found = origins_in(card(facts(*many, *strict)))
    assert len(found) <= MAX_ROWS + 3
    assert sum(origin.num_records for origin in found) == len(many) + len(strict)
    totals = {word: sum(o.num_records for o in found if word_of(o.licence) == word) for word in ("stated",)}
    assert totals["stated"] == len(many)


NAME = st.text(max_size=40) | st.sampled_from(
    ["---", "a\n---\nlicense: mit", "```", "| x |", "<script>", "[a](javascript:b)", "\u202e", "&amp;", "# x"]
)


@given(source=NAME, licence=NAME, name=NAME, base=NAME)
def test_names_are_text_and_nothing_else(source: str, licence: str, name: str, base: str) -> None:
    told = facts(Origin(name, "data", source, licence, 3), name=name, base=base, settings={name: source})
    text = card(told)
    assert card(told) == text
    head = head_of(text)
    assert list(head)[0] == "license" and len(head["origins"]) == 1
    body = text.split("\n---\n", 1)[1].splitlines()
    assert [line for line in body if line.startswith("#")][1:] == [
        "## Licence · 이용 조건",
        "## How it was made · 만든 방법",
    ]
    rows = [line for line in body if line.startswith("|")]
    assert [row.replace("\\|", "").count("|") for row in rows] == [6, 6, 6]
    assert not any("\u202e" in line for line in body)


def test_a_name_keeps_its_markup_as_letters() -> None:
    assert named("a|b<i>*c*[d](e)`") == "a\\|b\\<i\\>\\*c\\*\\[d\\]\\(e\\)\\`"


@pytest.mark.parametrize(
    "text", ["", "no head", "---\nnever closed", "---\n: [\n---\n", "---\n- a list\n---\n"]
)
def test_other_cards_are_read_as_far_as_they_go(text: str) -> None:
    assert (origins_in(text), licence_in(text)) == ([], "")


def test_a_foreign_card_states_its_licence() -> None:
    text = "---\nlicense: apache-2.0\norigins: [{step: 1}, no]\n---\n# Polyglot\n"
    assert (licence_in(text), origins_in(text)) == ("apache-2.0", [])


def dialogue(source: str, licence: str) -> Dialogue:
    messages = (Message(role="user", content="비밀 질문"), Message(role="assistant", content="비밀 대답"))
    return Dialogue(id=f"{source}:1", source=source, licence=licence, messages=messages)


def test_the_card_of_a_step(tmp_path: Path) -> None:
    """What a base learned from is still known two steps on; texts and machine paths are not."""
    work = Workplace(tmp_path, "sft", seed=3)
    base = tmp_path / "models" / "base"
    base.mkdir(parents=True)
    lineage = facts(Origin("base", "text", "web", "CC BY-NC 4.0", 2), base=None, role="base")
    (base / "README.md").write_text(card(lineage), encoding="utf-8")
    data = [dialogue("smalltalk", "Apache-2.0")] * 2 + [dialogue("smalltalk", "")]
    text = card_of(work, "sft", "sft", SftSettings(), "kullm", {"data": data}, str(base))
    assert {(o.step, o.source, o.licence, o.num_records) for o in origins_in(text)} == {
        ("base", "web", "CC BY-NC 4.0", 2),
        ("sft", "smalltalk", "Apache-2.0", 2),
        ("sft", "smalltalk", "", 1),
    }
    assert head_of(text)["license_name"] == "non-commercial"
    assert "비밀" not in text and str(tmp_path) not in text and "seed: 3" in text
    assert yaml.safe_load("\n".join(line for line in text.splitlines() if line.startswith("    ")))


def test_a_base_elsewhere_is_named_without_its_place(tmp_path: Path) -> None:
    elsewhere = tmp_path / "private" / "polyglot"
    elsewhere.mkdir(parents=True)
    (elsewhere / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    work = Workplace(tmp_path / "run", "sft")
    read = {"data": [dialogue("a", "Apache-2.0")]}
    text = card_of(work, "sft", "sft", SftSettings(), "kullm", read, str(elsewhere))
    assert head_of(text)["base_model"] == "polyglot" and "private" not in text
    assert head_of(text)["license"] == "apache-2.0"
    hub = card_of(work, "sft", "sft", SftSettings(), "kullm", read, "org/polyglot")
    assert (head_of(hub)["base_model"], licence_in(hub)) == ("org/polyglot", "unknown")


def test_records_are_counted_by_source_and_licence() -> None:
    read = {"data": [dialogue("a", "MIT"), dialogue("a", "MIT"), dialogue("b", "MIT")]}
    assert sorted(counted("sft", read)) == [
        Origin("sft", "data", "a", "MIT", 2),
        Origin("sft", "data", "b", "MIT", 1),
    ]


def test_the_report_shows_what_the_card_says(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(card(facts(FREE, NC)), encoding="utf-8")
    shown = facts_of(tmp_path)
    assert shown["license_name"] == "non-commercial"
    assert (shown["base_model"], shown["datasets"]) == ("../base", "koalpaca, smalltalk")
