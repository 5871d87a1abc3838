"""What Self-Instruct will cost, before it begins: as it usually goes, at its best and at its worst.

Only the first round is known; after it, requests depend on answers. Sends nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice

from dajeong.records import Dialogue, last_user_text
from dajeong.remote.prices import Estimate
from dajeong.remote.request import Request
from dajeong.synthesis.asking import estimator
from dajeong.synthesis.bootstrap import FIRST_YIELD, LEAST_YIELD
from dajeong.synthesis.instances import Instances
from dajeong.synthesis.instruct_settings import SelfInstructSettings
from dajeong.synthesis.labelling import Labeller
from dajeong.synthesis.proposing import Proposer, Task
from dajeong.synthesis.seeds import CLASSIFICATION, labels_of, seeds_by_kind
from dajeong.workplace import Workplace


def estimate(settings: SelfInstructSettings, work: Workplace) -> Estimate:
    """Low: every proposal is kept. Expected: seven of ten. High: one of ten; only a budget is a bound."""
    seeds = seeds_by_kind(work, list(settings.kinds))
    with estimator(settings.service, work.run) as client:
        best, usual, worst = (
            client.estimate(_requests(settings, seeds, share)) for share in (1.0, FIRST_YIELD, LEAST_YIELD)
        )
    return usual.model_copy(update={"low": best.low, "high": worst.high})


def _requests(
    settings: SelfInstructSettings, seeds: Mapping[str, Sequence[Dialogue]], share: float
) -> Iterator[Request]:
    """Proposals of which this share is kept, then what every kept one costs; seeds stand for those."""
    proposer = Proposer(settings, seeds)
    count = math.ceil(settings.num_tasks / (settings.per_request * share))
    if settings.max_requests is not None:
        count = min(count, settings.max_requests)
    for number, kind in zip(range(1, count + 1), cycle(settings.kinds), strict=False):
        yield proposer.ask(number, 1, kind, []).request
    tasks = [_as_task(number, seed) for number, seed in enumerate(_endless(seeds, settings.num_tasks))]
    if settings.classification_first and CLASSIFICATION in seeds:
        labeller = Labeller(settings, seeds)
        yield from map(labeller.request, tasks)
    if settings.instances:
        yield from map(Instances(settings, seeds).request, tasks)


def _endless(seeds: Mapping[str, Sequence[Dialogue]], count: int) -> Iterator[Dialogue]:
    return islice(cycle(seed for of_kind in seeds.values() for seed in of_kind), count)


def _as_task(number: int, seed: Dialogue) -> Task:
    text = f"{number}. {last_user_text(seed.messages)}"  # numbered: equal requests would count once
    return Task(f"{number}", seed.kind, text, {}, tuple(labels_of(seed)))
