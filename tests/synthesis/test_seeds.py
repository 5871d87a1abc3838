"""The seed tasks that come along keep every rule that is held against machine-made ones."""

from __future__ import annotations

from collections import Counter

import pytest

from dajeong.data import refusal
from dajeong.data.filters.decontamination import Decontamination
from dajeong.data.filters.paraphrases import Distinct
from dajeong.data.filters.settings import DecontaminationSettings, ParaphraseSettings
from dajeong.data.filters.speech import is_polite, register_of
from dajeong.remote.settings import ServiceSettings
from dajeong.synthesis import instance_rules, instruction_rules
from dajeong.synthesis.instance_rules import Instance, Setting
from dajeong.synthesis.instruct_settings import KINDS, SelfInstructSettings
from dajeong.synthesis.seeds import CLASSIFICATION, labels_of, own_seeds

SETTINGS = SelfInstructSettings(service=ServiceSettings(model="none"))


def test_there_are_enough_of_every_kind_in_both_registers() -> None:
    kinds = Counter(seed.kind for seed in own_seeds())
    assert sum(kinds.values()) >= 150 and kinds.keys() == KINDS.keys() and min(kinds.values()) >= 20
    polite = Counter(is_polite(register_of(seed.messages[0].content)) for seed in own_seeds())
    assert min(polite.values()) > 70
    assert len({seed.id for seed in own_seeds()}) == len(own_seeds())
    assert {seed.licence for seed in own_seeds()} == {"Apache-2.0"}


def test_every_seed_keeps_the_rules_of_the_house() -> None:
    faults = []
    for seed in own_seeds():
        asked, answer = seed.messages
        faults.append(instruction_rules.fault(asked.content, SETTINGS))
        instance = Instance(asked.context or "", answer.content)
        faults.append(instance_rules.fault(instance, Setting(seed.kind, asked.content)))
    assert [fault for fault in faults if fault] == []


@pytest.mark.parametrize("unit", ["syllables", "morphemes"])
def test_no_two_seeds_are_alike(unit: str) -> None:
    if unit == "morphemes":
        pytest.importorskip("kiwipiepy")
    pool = Distinct(ParaphraseSettings.model_validate({"unit": unit}))
    matches = pool.offer([seed.messages[0].content for seed in own_seeds()])
    assert [match for match in matches if match] == []


def test_answers_to_abuse_are_firm_and_kind_and_nobody_else_is_scolded() -> None:
    for seed in own_seeds():
        found = refusal.findings(seed.messages[1].content)
        assert found <= ({"plea"} if seed.kind == "abusive" else set()), seed.id


def test_a_classification_names_its_labels_and_its_answer_is_one() -> None:
    for seed in own_seeds():
        labels = labels_of(seed)
        assert bool(labels) == (seed.kind == CLASSIFICATION)
        assert not labels or (seed.messages[1].content in labels and len(labels) >= 2), seed.id


def test_no_seed_holds_a_piece_of_an_evaluation_set() -> None:
    assert list(Decontamination(DecontaminationSettings()).keep(own_seeds())) == list(own_seeds())
