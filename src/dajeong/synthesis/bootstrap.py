"""Self-Instruct's pool: round after round of requests, until every kind has the instructions it should have.

Answers are judged in the order of their requests, and the pool grows after whole rounds only: the same seed
and the same answers give the same pool, however many requests were under way. Writes no file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dajeong.data.draws import allotted
from dajeong.data.filters.paraphrases import Distinct
from dajeong.progress import Bar
from dajeong.records import Dialogue, content_id, last_user_text
from dajeong.remote.client import Client
from dajeong.remote.request import Failure
from dajeong.synthesis import instruction_rules, self_instruct_prompts
from dajeong.synthesis.asking import Found, answered
from dajeong.synthesis.harvest import Harvest
from dajeong.synthesis.instruct_settings import SelfInstructSettings
from dajeong.synthesis.json_replies import items_in
from dajeong.synthesis.labelling import Labeller
from dajeong.synthesis.proposing import SOURCE, Ask, Proposer, Task
from dajeong.synthesis.seeds import CLASSIFICATION

LEAST_YIELD = 0.1
"""Share of the proposals that is expected to be kept at the worst, when a round is sized."""
FIRST_YIELD = 0.7


class Candidate(NamedTuple):
    """A proposal that is being judged."""

    ask: Ask
    place: str
    """Request and number in its answer."""
    text: str
    model: str


class Bootstrap:
    def __init__(
        self,
        settings: SelfInstructSettings,
        seeds: Mapping[str, Sequence[Dialogue]],
        client: Client,
        harvest: Harvest,
    ) -> None:
        self._settings, self._client, self._harvest = settings, client, harvest
        shares = list(settings.kinds.values())
        targets = allotted(shares, [settings.num_tasks] * len(shares), settings.num_tasks)
        self.targets = dict(zip(settings.kinds, targets, strict=True))
        self.tasks: dict[str, list[Task]] = {kind: [] for kind in settings.kinds}
        self.num_rounds, self.num_requests = 0, 0
        self._proposed = dict.fromkeys(settings.kinds, 0)
        self._barren = dict.fromkeys(settings.kinds, 0)
        self._proposer = Proposer(settings, seeds)
        self._labeller = Labeller(settings, seeds) if self._asks_for_labels(seeds) else None
        self._distinct = Distinct(settings.similarity)
        self._known: list[str] = []
        for seed in (seed for of_kind in seeds.values() for seed in of_kind):
            self._distinct.add(last_user_text(seed.messages))
            self._known.append(seed.id)

    def _asks_for_labels(self, seeds: Mapping[str, Sequence[Dialogue]]) -> bool:
        return self._settings.classification_first and CLASSIFICATION in seeds

    def grow(self, bar: Bar) -> None:
        """Rounds until nothing is missing, or what is missing does not come."""
        while counts := self._round_size():
            self.num_rounds += 1
            asks = list(self._asks(counts))
            found = answered(self._client, [ask.request for ask in asks], bar)
            kept = self._kept(asks, found, bar)
            self._join(asks, kept, bar)

    @property
    def unit(self) -> str:
        """In which instructions are compared."""
        return self._distinct.unit

    def missing(self) -> dict[str, int]:
        """Kind → instructions it lacks."""
        found = {kind: self.targets[kind] - len(tasks) for kind, tasks in self.tasks.items()}
        return {kind: count for kind, count in found.items() if count > 0}

    def _round_size(self) -> dict[str, int]:
        """Kind → requests of the next round: as many as what is missing should take."""
        settings = self._settings
        wanted = {
            kind: count for kind, count in self.missing().items() if self._barren[kind] < settings.patience
        }
        needed = {kind: self._requests_for(kind, count) for kind, count in wanted.items()}
        most = settings.requests_per_round
        if settings.max_requests is not None:
            most = min(most, settings.max_requests - self.num_requests)
        if not needed or most <= 0:
            return {}
        counts = allotted(list(wanted.values()), list(needed.values()), most)
        return {kind: count for kind, count in zip(needed, counts, strict=True) if count}

    def _requests_for(self, kind: str, count: int) -> int:
        proposed = self._proposed[kind]
        share = len(self.tasks[kind]) / proposed if proposed else FIRST_YIELD
        return math.ceil(count / (self._settings.per_request * max(share, LEAST_YIELD)))

    def _asks(self, counts: Mapping[str, int]) -> Iterator[Ask]:
        for kind, count in counts.items():
            for _ in range(count):
                self.num_requests += 1
                yield self._proposer.ask(self.num_requests, self.num_rounds, kind, self.tasks[kind])

    def _kept(self, asks: Sequence[Ask], found: Sequence[Found], bar: Bar) -> list[Task]:
        """What the rules, the pool and the labels leave of a round's proposals."""
        proposed = [each for ask, answer in zip(asks, found, strict=True) for each in self._read(ask, answer)]
        ruled = [each for each in proposed if not self._breaks_a_rule(each)]
        new = list(self._unlike(ruled))
        tasks = [_task(each) for each in new]
        if self._labeller is None:
            return tasks
        labelled = self._labeller.labelled(tasks, self._client, self._harvest, bar)
        return [task for task in labelled if task is not None]

    def _read(self, ask: Ask, answer: Found) -> Iterator[Candidate]:
        """The proposals in an answer. The last one of a cut answer is lost, and counted."""
        place = f"request {ask.number}"
        if isinstance(answer, Failure):
            self._harvest.reject(place, answer.code, answer.detail, "")
            return
        self._harvest.paid(answer.cost)
        listed = items_in(answer.text, "tasks")
        if listed is None:
            self._harvest.reject(place, "unreadable", answer.finish, answer.text)
            return
        if not listed.is_whole:
            self._harvest.reject(place, "cut", answer.finish, answer.text[-200:])
        for number, item in enumerate(listed.items, start=1):
            text = item.get("instruction") if isinstance(item, dict) else item
            self._proposed[ask.kind] += 1
            if isinstance(text, str) and text.strip():
                yield Candidate(ask, f"{place}, {number}", text.strip(), answer.model)
            else:
                self._harvest.reject(f"{place}, {number}", "no-text", "", repr(item))

    def _breaks_a_rule(self, candidate: Candidate) -> bool:
        fault = instruction_rules.fault(candidate.text, self._settings)
        if fault is not None:
            self._harvest.reject(candidate.place, *fault, candidate.text)
        return fault is not None

    def _unlike(self, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
        """Those that no seed, no kept one and no earlier candidate is like."""
        matches = self._distinct.offer([candidate.text for candidate in candidates])
        for candidate, match in zip(candidates, matches, strict=True):
            if match is None:
                self._known.append(_id(candidate.text))
                yield candidate
            else:
                detail = f"{match.score:.2f} of {self._known[match.place]}"
                self._harvest.reject(candidate.place, "similar", detail, candidate.text)

    def _join(self, asks: Iterable[Ask], tasks: Sequence[Task], bar: Bar) -> None:
        """The round's tasks enter the pool, as far as their kinds have room."""
        before = {kind: len(kept) for kind, kept in self.tasks.items()}
        for task in tasks:
            if len(self.tasks[task.kind]) < self.targets[task.kind]:
                self.tasks[task.kind].append(task)
                bar.advance(1, note=self._client.note())
            else:
                self._harvest.reject(task.id, "surplus", task.kind, task.instruction)
        for kind in {ask.kind for ask in asks}:
            self._barren[kind] = self._barren[kind] + 1 if len(self.tasks[kind]) == before[kind] else 0


def _id(text: str) -> str:
    return content_id(SOURCE, text)


def _task(candidate: Candidate) -> Task:
    ask = candidate.ask
    lineage: dict[str, object] = {
        "method": SOURCE,
        "prompts": self_instruct_prompts.VERSION,
        "model": candidate.model,
        "round": ask.round,
        "request": ask.number,
        "seeds": list(ask.seeds),
        "machine": list(ask.machine),
        "topics": list(ask.topics),
        "register": ask.register,
    }
    return Task(_id(candidate.text), ask.kind, candidate.text, lineage)
