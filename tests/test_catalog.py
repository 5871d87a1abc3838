"""The catalogue: every entry is what its table says. What it does is asked in `chain/test_conformance.py`."""

from __future__ import annotations

import inspect

import pytest

from dajeong import catalog

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
