"""The step `self-instruct`: a pool of new instructions grown from seeds, then inputs and answers to them.

A killed step asks nothing again that was answered: it walks the same way over the kept answers and goes on.
Knows neither rules nor wording.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from dajeong.records import Dialogue, Message
from dajeong.remote.client import Client
from dajeong.synthesis.asking import CACHE, answered
from dajeong.synthesis.bootstrap import Bootstrap
from dajeong.synthesis.harvest import Harvest, harvest
from dajeong.synthesis.instances import Instances
from dajeong.synthesis.instruct_settings import SelfInstructSettings
from dajeong.synthesis.proposing import SOURCE, Task
from dajeong.synthesis.seeds import seeds_by_kind
from dajeong.workplace import Workplace

AT_ONCE = 512
"""Tasks whose answers are in memory together."""


def run(settings: SelfInstructSettings, work: Workplace) -> None:
    """Writes `prompts` (all instructions kept), `records` (those with answers), `rejects` and stats.json."""
    seeds = seeds_by_kind(work, list(settings.kinds))
    client = Client(settings.service, work.run / CACHE, work.progress)
    with client, harvest(work) as kept:
        bootstrap = Bootstrap(settings, seeds, client, kept)
        with work.progress.bar("self-instruct", settings.num_tasks, step=work.name) as bar:
            bootstrap.grow(bar)
        tasks = [task for of_kind in bootstrap.tasks.values() for task in of_kind]
        if not tasks:
            raise kept.nothing()
        work.write("prompts", _prompts(settings, tasks, kept))
        by_kind: Counter[str] = Counter()
        work.write("records", _records(settings, seeds, tasks, client, kept, work, by_kind))
        kept.finish(client.spent, **_figures(bootstrap, tasks, by_kind))
    short = bootstrap.missing()
    if short:
        listed = ", ".join(f"{kind} {count}" for kind, count in short.items())
        work.progress.say("self-instruct-short", step=work.name, missing=listed)


def _records(
    settings: SelfInstructSettings,
    seeds: Mapping[str, Sequence[Dialogue]],
    tasks: Sequence[Task],
    client: Client,
    kept: Harvest,
    work: Workplace,
    by_kind: Counter[str],
) -> Iterator[Dialogue]:
    if not settings.instances:
        return
    instances = Instances(settings, seeds)
    with work.progress.bar("self-instruct-answers", len(tasks), step=work.name) as bar:
        for start in range(0, len(tasks), AT_ONCE):
            some = tasks[start : start + AT_ONCE]
            found = answered(client, [instances.request(task) for task in some], bar, steps=1)
            for task, answer in zip(some, found, strict=True):
                for record in instances.records(task, answer, kept):
                    by_kind[record.kind] += 1
                    yield record


def _prompts(settings: SelfInstructSettings, tasks: Sequence[Task], kept: Harvest) -> Iterator[Dialogue]:
    for task in tasks:
        if not settings.instances:
            kept.keep(task.id, "", task.instruction)
        yield _prompt(task, settings.licence)


def _prompt(task: Task, licence: str) -> Dialogue:
    labels = {"labels": list(task.labels)} if task.labels else {}
    return Dialogue(
        id=task.id,
        source=SOURCE,
        licence=licence,
        kind=task.kind,
        meta={**task.lineage, **labels},
        messages=(Message(role="user", content=task.instruction),),
    )


def _figures(bootstrap: Bootstrap, tasks: Sequence[Task], by_kind: Counter[str]) -> dict[str, object]:
    return {
        "prompts": len(tasks),
        "by_kind": dict(sorted(by_kind.items())),
        "prompts_by_kind": {kind: len(found) for kind, found in bootstrap.tasks.items()},
        "missing_by_kind": bootstrap.missing(),
        "rounds": bootstrap.num_rounds,
        "requests": bootstrap.num_requests,
        "compared": bootstrap.unit,
    }
