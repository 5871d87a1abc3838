"""The catalogue: every entry is what its table says, and a new part needs one file and one line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from dajeong import catalog, steps
from dajeong.data.sources import RawRow, Source
from dajeong.pipeline import execute
from dajeong.recipe import load
from dajeong.records import Dialogue, Frozen, Message, Record, content_id
from dajeong.steps import DIALOGUES, Kind
from dajeong.storage import read_records, write_json
from dajeong.templates import PlainTemplate
from dajeong.workplace import Workplace

PROTOCOLS = {
    "ALGORITHMS": ("updates", "loss", "after", "state", "restore"),
    "ENGINES": ("generate",),
    "SCORERS": ("score",),
    "TASKS": ("__call__",),
}


@pytest.mark.parametrize(
    ("table", "name"), [(table, name) for table in PROTOCOLS for name in getattr(catalog, table)]
)
def test_an_entry_has_the_methods_of_its_protocol(table: str, name: str) -> None:
    part = catalog.load(getattr(catalog, table)[name])
    assert [method for method in PROTOCOLS[table] if not callable(getattr(part, method, None))] == []
    assert inspect.getdoc(part) or table == "TASKS"


def test_sources_and_templates_are_the_tables_the_steps_look_up() -> None:
    from dajeong.data.sources import find_source
    from dajeong.templates import find_template

    assert {name: find_source(name) for name in catalog.SOURCES} == catalog.SOURCES
    assert {name: find_template(name) for name in catalog.TEMPLATES} == catalog.TEMPLATES


# --- one new part of each kind, as a newcomer would write it


def letters(name: str, row: RawRow) -> Iterator[Record]:
    """A source: `{q, a}` rows."""
    messages = (Message(role="user", content=row["q"]), Message(role="assistant", content=row["a"]))
    yield Dialogue(id=content_id(name, row["q"]), source=name, messages=messages)


class CountSettings(Frozen):
    template: str = "plain"


def count(settings: CountSettings, work: Workplace) -> None:
    """An algorithm's step: its "model" is how many characters the template renders."""
    template = catalog.TEMPLATES[settings.template]
    rendered = [template.render(dialogue.messages) for dialogue in work.records("data", Dialogue)]
    characters = sum(len(segment.text) for segments in rendered for segment in segments)
    write_json(work.model_folder / "count.json", {"characters": characters})


def test_a_new_source_template_and_algorithm_need_one_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalog.SOURCES, "letters", Source(letters))
    monkeypatch.setitem(catalog.TEMPLATES, "bare", PlainTemplate(name="bare"))
    kind = Kind(CountSettings, {"data": DIALOGUES}, {}, "test_catalog:count", gives_model=True)
    monkeypatch.setitem(steps.KINDS, "count", kind)

    (tmp_path / "letters.jsonl").write_text('{"q": "안녕하세요", "a": "반가워요."}\n', encoding="utf-8")
    recipe = tmp_path / "new.yaml"
    recipe.write_text(
        "template: bare\nsteps:\n  r: {use: read, source: letters, path: letters.jsonl}\n"
        "  c: {use: count, data: r}\n",
        encoding="utf-8",
    )
    execute(load(recipe), tmp_path / "run", report=None)
    (dialogue,) = read_records(tmp_path / "run/steps/r/records.jsonl", Dialogue)
    assert dialogue.source == "letters"
    assert (tmp_path / "run/models/c/count.json").is_file()
