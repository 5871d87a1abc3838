"""Classification first: whether an instruction asks for one of a few labels, and which (Wang et al. 2023).

Asked once for every instruction that got so far, at temperature 0. Knows neither pool nor inputs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dajeong.data.draws import drawing
from dajeong.progress import Bar
from dajeong.records import Decoding, Dialogue, last_user_text
from dajeong.remote.client import Client
from dajeong.remote.request import Failure, Request
from dajeong.synthesis import self_instruct_prompts as prompts
from dajeong.synthesis.asking import Found, answered, object_in, request
from dajeong.synthesis.harvest import Harvest
from dajeong.synthesis.instruct_settings import SelfInstructSettings
from dajeong.synthesis.proposing import Task
from dajeong.synthesis.seeds import CLASSIFICATION, labels_of

NUM_EACH = 6
"""Examples with labels, and without, that every request shows."""
MAX_LABELS = 8
_DECODING = Decoding(temperature=0, max_new_tokens=200)


class Verdict(NamedTuple):
    """What the model said; `fault` where it said nothing that can be used."""

    labels: tuple[str, ...]
    """Empty: no classification."""
    fault: str | None = None


class Labeller:
    def __init__(self, settings: SelfInstructSettings, seeds: Mapping[str, Sequence[Dialogue]]) -> None:
        self._service = settings.service
        self._examples = _examples(settings.seed, seeds)

    def labelled(
        self, tasks: Sequence[Task], client: Client, harvest: Harvest, bar: Bar
    ) -> list[Task | None]:
        """Each task with the kind it is of; None for what was asked for as a classification and is none."""
        found = answered(client, [self.request(task) for task in tasks], bar)
        return [self._as_labelled(task, answer, harvest) for task, answer in zip(tasks, found, strict=True)]

    def request(self, task: Task) -> Request:
        text = prompts.CLASSIFY.format(examples=self._examples, task=task.instruction)
        return request(self._service, prompts.AUTHOR, text, _DECODING)

    def _as_labelled(self, task: Task, answer: Found, harvest: Harvest) -> Task | None:
        if not isinstance(answer, Failure):
            harvest.paid(answer.cost)
        verdict = _verdict(answer)
        if verdict.fault is not None:
            harvest.reject(task.id, "no-labels", verdict.fault, task.instruction)
            return None
        if verdict.labels:
            return task._replace(kind=CLASSIFICATION, labels=verdict.labels)
        if task.kind == CLASSIFICATION:
            harvest.reject(task.id, "no-classification", "", task.instruction)
            return None
        return task


def _verdict(answer: Found) -> Verdict:
    if isinstance(answer, Failure):
        return Verdict((), answer.code)
    found = object_in(answer)
    if found.get("classification") is False:
        return Verdict(())
    labels = found.get("labels")
    if found.get("classification") is not True or not isinstance(labels, list):
        return Verdict((), "unreadable")
    named = tuple(
        dict.fromkeys(label.strip() for label in labels if isinstance(label, str) and label.strip())
    )
    if not 2 <= len(named) <= MAX_LABELS:
        return Verdict((), f"{len(named)} labels")
    return Verdict(named)


def _examples(seed: int, seeds: Mapping[str, Sequence[Dialogue]]) -> str:
    """As many with labels as without, in an order that gives nothing away. The same in every request."""
    draw = drawing(seed, "classification examples")
    order = {each.id: draw(each.id.encode("utf-8")) for of_kind in seeds.values() for each in of_kind}
    known = [each for each in seeds[CLASSIFICATION] if labels_of(each)]
    labelled = sorted(known, key=lambda each: order[each.id])[:NUM_EACH]
    others = [each for kind, of_kind in seeds.items() if kind != CLASSIFICATION for each in of_kind]
    chosen = labelled + sorted(others, key=lambda each: order[each.id])[:NUM_EACH]
    shown = sorted(chosen, key=lambda each: draw(each.id.encode("utf-8") + b"order"))
    return "\n\n".join(_example(each) for each in shown)


def _example(seed: Dialogue) -> str:
    labels = labels_of(seed)
    answer = {"classification": bool(labels), "labels": labels}
    return prompts.CLASSIFIED.format(
        task=last_user_text(seed.messages), answer=json.dumps(answer, ensure_ascii=False)
    )
