"""The step `evol`: instructions made harder or made into new ones, round after round, with their descent.

Candidates are judged in the order of their parents, so neither concurrency nor a kill changes a byte.
Knows no rule and no wording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from dajeong.data.filters.filter import asked
from dajeong.data.filters.paraphrases import Distinct
from dajeong.data.reserved import refuse_reserved
from dajeong.progress import Bar
from dajeong.records import Dialogue
from dajeong.remote.client import Client
from dajeong.remote.prices import Estimate
from dajeong.remote.request import Answer, Failure
from dajeong.synthesis import evol_rules
from dajeong.synthesis.asking import CACHE, Found, answered, estimator, object_in
from dajeong.synthesis.evol_lineage import Child, Head, as_head, as_prompt, with_answer
from dajeong.synthesis.evol_requests import Requests
from dajeong.synthesis.evol_rules import Rewriting
from dajeong.synthesis.harvest import Harvest, harvest
from dajeong.synthesis.instruct_settings import EvolSettings
from dajeong.workplace import Workplace

AT_ONCE = 512
"""Instructions whose answers are in memory together."""


def run(settings: EvolSettings, work: Workplace) -> None:
    """Writes `prompts` (what was kept), `records` (with answers), `rejects` and stats.json."""
    given = work.records("prompts", Dialogue)[: settings.max_prompts]
    refuse_reserved(given, work.name)
    client = Client(settings.service, work.run / CACHE, work.progress)
    with client, harvest(work) as kept:
        heads = list(_heads(settings, given, kept))
        evolution = Evolution(settings, client, kept)
        with work.progress.bar("evol", len(heads) * settings.rounds, step=work.name) as bar:
            evolution.run(heads, bar)
        if not evolution.prompts:
            raise kept.nothing()
        work.write("prompts", evolution.prompts)
        work.write("records", evolution.records)
        kept.finish(client.spent, **evolution.figures(len(heads)))


def estimate(settings: EvolSettings, work: Workplace) -> Estimate:
    """As if every rewriting were kept and as long as what it came from: up to three requests each."""
    given = work.records("prompts", Dialogue)[: settings.max_prompts]
    with estimator(settings.service, work.run) as client:
        return client.estimate(Requests(settings).foreseen(list(_heads(settings, given, None))))


def _heads(settings: EvolSettings, given: Sequence[Dialogue], kept: Harvest | None) -> Iterator[Head]:
    for record in given:
        roles = [message.role for message in record.messages]
        if record.kind in settings.leave_kinds:
            continue
        if roles in (["user"], ["user", "assistant"]):
            yield Head(record.id, record.id, record.kind, record.licence, asked(record))
        elif kept is not None:
            kept.reject(record.id, "several-turns", ", ".join(roles), asked(record))


class Evolution:
    def __init__(self, settings: EvolSettings, client: Client, kept: Harvest) -> None:
        self._settings, self._client, self._kept = settings, client, kept
        self._requests = Requests(settings)
        self._distinct = Distinct(settings.similarity)
        self._known: list[str] = []
        self.prompts: list[Dialogue] = []
        self.records: list[Dialogue] = []
        self.by_operation: Counter[str] = Counter()
        self.by_round: Counter[str] = Counter()

    def run(self, heads: Sequence[Head], bar: Bar) -> None:
        """Every round rewrites what the last one left; where a rewriting went, its parent is tried again."""
        latest = list(heads)
        for head in latest:
            self._distinct.add(head.text)
            self._known.append(head.id)
        for number in range(1, self._settings.rounds + 1):
            for start in range(0, len(latest), AT_ONCE):
                places = range(start, min(start + AT_ONCE, len(latest)))
                for child in self._round(number, latest, places, bar):
                    latest[child.place] = as_head(child, self._settings.licence)

    def figures(self, num_heads: int) -> dict[str, object]:
        return {
            "prompts": len(self.prompts),
            "given": num_heads,
            "compared": self._distinct.unit,
            "by_operation": dict(sorted(self.by_operation.items())),
            "by_round": dict(sorted(self.by_round.items())),
        }

    def _round(self, number: int, heads: Sequence[Head], places: range, bar: Bar) -> list[Child]:
        operations = [self._requests.operation(heads[place], number) for place in places]
        pairs = list(zip(places, operations, strict=True))
        requests = [self._requests.rewriting(heads[place], operation, number) for place, operation in pairs]
        found = answered(self._client, requests, bar, steps=1)
        read = [
            self._child(Child(place, heads[place], operation, number, "", ""), answer)
            for (place, operation), answer in zip(pairs, found, strict=True)
        ]
        children = [child for child in read if child is not None and self._is_fit(child)]
        if self._settings.compare:
            children = self._gaining(children, bar)
        return self._entered(children, bar)

    def _child(self, asked_for: Child, answer: Found) -> Child | None:
        """With the rewriting in its answer; None, and the reason is kept, where there is none."""
        before = asked_for.parent.text
        if isinstance(answer, Failure):
            self._kept.reject(asked_for.where, answer.code, answer.detail, before)
            return None
        self._kept.paid(answer.cost)
        text = object_in(answer).get("instruction")
        if answer.finish == "length" or not isinstance(text, str):
            rule = "cut" if answer.finish == "length" else "unreadable"
            self._kept.reject(asked_for.where, rule, answer.finish, answer.text)
            return None
        return asked_for._replace(text=text.strip(), model=answer.model)

    def _is_fit(self, child: Child) -> bool:
        """Whether rules and likeness leave it; then what comes after is compared with it, too."""
        made = Rewriting(child.parent.text, child.text, child.operation)
        fault = evol_rules.fault(made, self._settings) or self._alike(child)
        if fault is not None:
            self._kept.reject(child.where, *fault, child.text)
            return False
        self._distinct.add(child.text)
        self._known.append(child.id)
        return True

    def _alike(self, child: Child) -> tuple[str, str] | None:
        wide = child.operation == "breadth"
        least = self._settings.breadth_similarity if wide else self._settings.similarity.least
        match = self._distinct.nearest(child.text, least)
        return None if match is None else ("similar", f"{match.score:.2f} of {self._known[match.place]}")

    def _gaining(self, children: Sequence[Child], bar: Bar) -> list[Child]:
        """Those that the model does not call equal to their parents; without a verdict no gain is shown."""
        requests = [self._requests.comparison(child) for child in children]
        gaining = []
        for child, answer in zip(children, answered(self._client, requests, bar), strict=True):
            equal = self._is_equal(answer)
            if equal is False:
                gaining.append(child)
            else:
                self._kept.reject(child.where, "no-gain" if equal else "no-verdict", "", child.text)
        return gaining

    def _is_equal(self, answer: Found) -> bool | None:
        if isinstance(answer, Failure):
            return None
        self._kept.paid(answer.cost)
        equal = object_in(answer).get("equal")
        return equal if isinstance(equal, bool) else None

    def _entered(self, children: Sequence[Child], bar: Bar) -> list[Child]:
        """The children that stay: all, or with answers those whose answers are fit."""
        found: Sequence[Found | None] = [None] * len(children)
        if self._settings.answers:
            found = answered(self._client, [self._requests.question(child) for child in children], bar)
        stay = []
        for child, answer in zip(children, found, strict=True):
            fault = None if answer is None else self._answer_fault(child, answer)
            if fault is None:
                self._enter(child, answer)
                stay.append(child)
            else:
                said = answer.text if isinstance(answer, Answer) else ""
                self._kept.reject(child.where, *fault, f"{child.text}\n→ {said}")
        return stay

    def _answer_fault(self, child: Child, answer: Found) -> tuple[str, str] | None:
        if isinstance(answer, Failure):
            return f"answer-{answer.code}", answer.detail
        self._kept.paid(answer.cost)
        if answer.finish == "length":
            return "answer-cut", ""
        return evol_rules.answer_fault(child.text, child.parent.kind, answer.text, self._settings)

    def _enter(self, child: Child, answer: Found | None) -> None:
        self.by_operation[child.operation] += 1
        self.by_round[str(child.round)] += 1
        prompt = as_prompt(child, self._settings.licence)
        self.prompts.append(prompt)
        if isinstance(answer, Answer):
            self.records.append(with_answer(prompt, answer.text.strip()))
        self._kept.keep(prompt.id, f"{child.operation}: {child.parent.text}", child.text)
