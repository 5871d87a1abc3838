"""Inputs and answers to the instructions of the pool: input first, or for a classification label by label.

Every task is one request of its own, drawn by key. Knows neither pool nor rounds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from dajeong.data.draws import drawing
from dajeong.records import Dialogue, Message, content_id
from dajeong.remote.request import Answer, Failure, Request
from dajeong.synthesis import instance_rules
from dajeong.synthesis import self_instruct_prompts as prompts
from dajeong.synthesis.asking import Found, request
from dajeong.synthesis.harvest import Harvest
from dajeong.synthesis.instance_rules import SPOKEN, Instance, Setting
from dajeong.synthesis.instruct_settings import SelfInstructSettings
from dajeong.synthesis.json_replies import items_in
from dajeong.synthesis.proposing import SOURCE, Task
from dajeong.synthesis.seeds import labels_of

NUM_EXAMPLES = 3


class Instances:
    """Asks for instances and judges what comes."""

    def __init__(self, settings: SelfInstructSettings, seeds: Mapping[str, Sequence[Dialogue]]) -> None:
        self._settings, self._seeds = settings, seeds

    def request(self, task: Task) -> Request:
        count = self._settings.instances
        if task.labels:
            text = prompts.LABELLED.format(
                count=count,
                examples=self._examples(task),
                task=task.instruction,
                labels=", ".join(task.labels),
            )
        elif task.kind in SPOKEN:
            different = prompts.SEVERAL.format(count=count) if count > 1 else ""
            text = prompts.TALK_INSTANCE.format(
                different=different, examples=self._examples(task), rules=_rules(task), task=task.instruction
            )
        else:
            text = prompts.INSTANCE.format(
                count=count, examples=self._examples(task), rules=_rules(task), task=task.instruction
            )
        return request(self._settings.service, prompts.AUTHOR, text, self._settings.answering)

    def records(self, task: Task, answer: Found, harvest: Harvest) -> Iterator[Dialogue]:
        """What the rules leave of an answer, as examples to learn from."""
        if isinstance(answer, Failure):
            harvest.reject(task.id, f"answer-{answer.code}", answer.detail, task.instruction)
            return
        harvest.paid(answer.cost)
        good = self._good(task, self._read(task, answer, harvest), harvest)
        if task.labels:
            good = self._balanced(task, good, harvest)
        for instance in good[: self._most(task)]:
            record = _record(task, instance, self._settings.licence)
            harvest.keep(record.id, _asked(task.instruction, instance.input), instance.output)
            yield record

    def _most(self, task: Task) -> int:
        return self._settings.instances * max(1, len(task.labels))

    def _read(self, task: Task, answer: Answer, harvest: Harvest) -> list[Instance]:
        """The instances in an answer; a cut one gives none, since the paper's last ones were the worst."""
        listed = items_in(answer.text, "instances")
        if listed is None or not listed.is_whole:
            code = "answer-cut" if listed or answer.finish == "length" else "answer-unreadable"
            harvest.reject(task.id, code, answer.finish, answer.text[-500:])
            return []
        found = []
        for item in listed.items:
            texts = _texts(item)
            if texts is None:
                harvest.reject(task.id, "answer-shape", "", repr(item))
            else:
                found.append(texts if task.kind not in SPOKEN else texts._replace(input=""))
        if not listed.items:
            harvest.reject(task.id, "answer-empty", "no instance", task.instruction)
        return found

    def _good(self, task: Task, instances: Sequence[Instance], harvest: Harvest) -> list[Instance]:
        contradicting = instance_rules.contradicting(instances)
        setting = Setting(task.kind, task.instruction)
        good = []
        for place, instance in enumerate(instances):
            if place in contradicting:
                fault: tuple[str, str] | None = ("answer-contradiction", "one input, several answers")
            elif task.labels and instance.output not in task.labels:
                fault = ("answer-no-label", ", ".join(task.labels))
            else:
                fault = instance_rules.fault(instance, setting)
            if fault is None:
                good.append(instance)
            else:
                harvest.reject(task.id, *fault, json.dumps(instance._asdict(), ensure_ascii=False))
        return good

    def _balanced(self, task: Task, instances: Sequence[Instance], harvest: Harvest) -> list[Instance]:
        """As many of each label, in the order of the labels; none where a label has none."""
        by_label = {label: [each for each in instances if each.output == label] for label in task.labels}
        fewest = min(len(found) for found in by_label.values())
        if not fewest:
            missing = ", ".join(label for label, found in by_label.items() if not found)
            harvest.reject(task.id, "label-missing", missing, task.instruction)
        return [
            each for found in by_label.values() for each in found[: min(fewest, self._settings.instances)]
        ]

    def _examples(self, task: Task) -> str:
        draw = drawing(self._settings.seed, f"instance {task.id}")
        seeds = self._seeds.get(task.kind, [])
        chosen = sorted(seeds, key=lambda seed: draw(seed.id.encode("utf-8")))[:NUM_EXAMPLES]
        return "\n\n".join(_example(seed) for seed in chosen)


def _rules(task: Task) -> str:
    return prompts.FIRM_RULES if task.kind == "abusive" else prompts.ANSWER_RULES


def _example(seed: Dialogue) -> str:
    asked, answer = seed.messages
    given = {} if seed.kind in SPOKEN else {"input": asked.context or ""}
    output = {"output": answer.content}
    instance = {**output, **given} if labels_of(seed) else {**given, **output}
    return f"과제: {asked.content}\nJSON: {json.dumps({'instances': [instance]}, ensure_ascii=False)}"


def _texts(item: object) -> Instance | None:
    if not isinstance(item, dict):
        return None
    given, answer = item.get("input", ""), item.get("output")
    if not isinstance(answer, str) or not isinstance(given, str | None):
        return None
    return Instance((given or "").strip(), answer.strip())


def _asked(instruction: str, given: str) -> str:
    return f"{instruction}\n\n{given}" if given else instruction


def _record(task: Task, instance: Instance, licence: str) -> Dialogue:
    asked = Message(role="user", content=task.instruction, context=instance.input or None)
    labels = {"labels": list(task.labels)} if task.labels else {}
    return Dialogue(
        id=content_id(SOURCE, task.instruction, instance.input, instance.output),
        source=SOURCE,
        licence=licence,
        kind=task.kind,
        meta={**task.lineage, "instruction": task.id, **labels},
        messages=(asked, Message(role="assistant", content=instance.output)),
    )
