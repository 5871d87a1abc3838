"""What a request for new instructions shows and asks: examples, topics, register, each drawn by key.

All of it follows from the seed, the request's number and the pool as it was after the last whole round: how
many requests are under way at once changes nothing. Knows no rule.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from dajeong.data.draws import Key, drawing
from dajeong.records import Dialogue, last_user_text
from dajeong.remote.request import Request
from dajeong.synthesis import self_instruct_prompts as prompts
from dajeong.synthesis.asking import request
from dajeong.synthesis.instruct_settings import SelfInstructSettings

SOURCE = "self-instruct"
NUM_TOPICS = 2
T = TypeVar("T")


class Task(NamedTuple):
    """An instruction of the pool, and where it came from."""

    id: str
    kind: str
    instruction: str
    lineage: Mapping[str, object]
    labels: tuple[str, ...] = ()


class Ask(NamedTuple):
    """One request for new instructions."""

    number: int
    """Among all requests of the step, from 1."""
    round: int
    kind: str
    seeds: tuple[str, ...]
    """Ids of the examples that people wrote."""
    machine: tuple[str, ...]
    """Ids of the examples that a model wrote."""
    topics: tuple[str, ...]
    register: str
    request: Request


class Proposer:
    """Makes requests; holds seeds and settings, no pool."""

    def __init__(self, settings: SelfInstructSettings, seeds: Mapping[str, Sequence[Dialogue]]) -> None:
        self._settings, self._seeds = settings, seeds

    def ask(self, number: int, round_: int, kind: str, pool: Sequence[Task]) -> Ask:
        """`pool`: what is kept of this kind after the last whole round."""
        settings = self._settings
        draw = drawing(settings.seed, f"propose {number}")
        machine = _few(pool, min(settings.machine_examples, settings.examples), lambda task: task.id, draw)
        seeds = _few(self._seeds[kind], settings.examples - len(machine), lambda seed: seed.id, draw)
        shown = {seed.id: last_user_text(seed.messages) for seed in seeds}
        shown |= {task.id: task.instruction for task in machine}
        examples = [shown[each] for each in sorted(shown, key=lambda each: draw(f"order {each}".encode()))]
        topics = tuple(_few(prompts.TOPICS, NUM_TOPICS, str, draw))
        casual = _fraction(draw(b"register")) < settings.casual
        text = self._text(kind, examples, topics, prompts.CASUAL if casual else prompts.POLITE)
        return Ask(
            number=number,
            round=round_,
            kind=kind,
            seeds=tuple(sorted(seed.id for seed in seeds)),
            machine=tuple(sorted(task.id for task in machine)),
            topics=topics,
            register="banmal" if casual else "polite",
            request=request(settings.service, prompts.AUTHOR, text, settings.proposing, sample=number),
        )

    def _text(self, kind: str, examples: Sequence[str], topics: Sequence[str], speech: str) -> str:
        settings = self._settings
        return prompts.PROPOSE.format(
            count=settings.per_request,
            what=prompts.WHAT.get(kind) or prompts.OTHER_KIND.format(kind=kind),
            examples="\n".join(f"{place}. {text}" for place, text in enumerate(examples, start=1)),
            speech=speech,
            topic=", ".join(topics),
            least=settings.min_characters,
            most=settings.max_characters,
        )


def _few(items: Sequence[T], count: int, name: Callable[[T], str], draw: Key) -> list[T]:
    return heapq.nsmallest(count, items, key=lambda item: draw(name(item).encode("utf-8")))


def _fraction(drawn: bytes) -> float:
    """A draw as a number from 0 to below 1."""
    return int.from_bytes(drawn[:8], "big") / 2**64
