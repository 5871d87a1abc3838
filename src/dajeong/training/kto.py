"""Kahneman–Tversky optimisation (Ethayarajh et al. 2024): from single replies that were liked or not.

How far a reply's reward lies from z, the policy's divergence from its reference, is what counts. z is read
once for an update, before its first forward, over all processes, from answers to other prompts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from dajeong.data.reserved import refuse_reserved
from dajeong.models.layout import TokenOutputs
from dajeong.models.roles import RoleModel
from dajeong.models.scoring import fill
from dajeong.records import Preference, Reply
from dajeong.storage import read_records
from dajeong.training.algorithm import Batch
from dajeong.training.lockstep import lockstep
from dajeong.training.parallel import Parallel, parallel_of, placed
from dajeong.training.preference_batches import (
    Roles,
    idle_answer,
    packed,
    read,
    reading_columns,
    sizes_of,
)
from dajeong.training.preference_examples import Rated, rated_of, rated_only, ratings_of
from dajeong.training.preference_guard import Collapse
from dajeong.training.preference_losses import num_right, prospect, reference_point
from dajeong.training.preference_passes import Passes
from dajeong.training.preference_policy import learn, start_policy, tell
from dajeong.training.preference_reference import referred
from dajeong.training.preference_settings import KtoSettings
from dajeong.workplace import Workplace


class Kto(Passes[Rated]):
    """Learns role `policy` to make liked replies likelier, and disliked ones less likely, than z."""

    settings: KtoSettings

    def __init__(
        self,
        model: RoleModel,
        rated: Sequence[Rated],
        settings: KtoSettings,
        roles: Roles,
        seed: int,
        parallel: Parallel | None = None,
        held_out: Sequence[Rated] = (),
        guard: Collapse | None = None,
    ) -> None:
        super().__init__(model, rated, settings, roles, seed, parallel, held_out, guard)
        self.coefficients = {
            "preference": 1.0,
            "nll": settings.sft_coefficient,
            "accuracy": 0.0,
            "z": 0.0,
            "chosen_logp": 0.0,
            "rejected_logp": 0.0,
            "chosen_reward": 0.0,
            "rejected_reward": 0.0,
            "drift": 0.0,
        }

    def num_tokens(self, atom: Rated) -> int:
        return len(atom.answers[0].ids)

    def batches(self, parts: Sequence[Sequence[Rated]]) -> list[Batch]:
        z = self._reference_point([rated for part in parts for rated in part])
        return [self._batch(part, z) for part in parts]

    def _reference_point(self, mine: Sequence[Rated]) -> float:
        """z = max(0, mean log π(y′|x)/π_ref(y′|x)) over the replies of all processes."""
        model, device = self.models["main"], self.models["main"].device
        lengths = [len(rated.answers[1].ids) * self.roles.num_readers for rated in mine]
        order = sorted(range(len(mine)), key=lambda index: lengths[index])
        sums = torch.zeros(2, dtype=torch.float64)
        with torch.no_grad(), model.measuring(), lockstep(self.parallel, model):
            for indices in fill(order, lengths, self.settings.tokens_per_micro_batch):
                part = [mine[index] for index in indices]
                answers = [rated.answers[1] for rated in part]
                columns = reading_columns(answers, [v for rated in part for v in rated.reference[1:]])
                outputs = model(packed(answers, self.roles, device))
                ratios = read(outputs.logprobs, columns, self.roles.together).ratios.double().cpu()
                weights = torch.tensor([rated.weight for rated in part], dtype=torch.float64)
                sums += torch.stack(reference_point(ratios, weights))
        total, weight = self.parallel.sum(sums).tolist()
        return max(0.0, float(total / weight))

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        settings, columns = self.settings, batch.columns
        answers = read(outputs.logprobs, columns, self.roles.together)
        signs, weight, z = (columns[name].to(answers.policy) for name in ("signs", "weight", "z"))
        liked, disliked = weight * (signs > 0), weight * (signs < 0)
        valued = settings.desirable_weight * liked + settings.undesirable_weight * disliked
        rewards = settings.beta * answers.ratios
        return {
            "preference": prospect(answers.ratios, signs, valued, z, settings.beta),
            "nll": -(liked * answers.policy).sum(),
            "accuracy": num_right((signs * (answers.ratios - z))[weight > 0]),
            "z": (weight * z).sum(),
            "chosen_logp": (liked * answers.policy).sum(),
            "rejected_logp": (disliked * answers.policy).sum(),
            "chosen_reward": (liked * rewards).sum(),
            "rejected_reward": (disliked * rewards).sum(),
            "drift": (liked * answers.per_token).sum(),
        }

    def _batch(self, part: Sequence[Rated], z: float) -> Batch:
        device = self.models["main"].device
        idle = Rated((idle_answer(self.atoms[0].answers[0]),), 0.0)
        picked = list(part) or [idle]
        answers = [rated.answers[0] for rated in picked]
        signs = [1.0 if rated.desirable else -1.0 for rated in picked]
        numbers = {"signs": signs, "weight": [rated.weight for rated in picked], "z": z}
        columns = {
            **reading_columns(answers, [value for rated in picked for value in rated.reference[:1]]),
            **{name: torch.tensor(given, dtype=torch.float64) for name, given in numbers.items()},
        }
        return Batch(packed(answers, self.roles, device), self._weights(picked), columns)

    def _weights(self, part: Sequence[Rated]) -> dict[str, float]:
        liked = float(sum(rated.weight for rated in part if rated.desirable))
        total = float(sum(rated.weight for rated in part))
        sizes = sizes_of([rated.answers[0] for rated in part])
        tokens = sum(r.weight * size for r, size in zip(part, sizes, strict=True) if r.desirable)
        known = {"preference": total, "z": total, "nll": float(tokens)}
        known |= {"accuracy": float(sum(rated.weight > 0 for rated in part))}
        known |= dict.fromkeys(("chosen_logp", "chosen_reward", "drift"), liked)
        return known | dict.fromkeys(("rejected_logp", "rejected_reward"), total - liked)


def run(settings: KtoSettings, work: Workplace) -> None:
    """The step `kto`: a policy and rated replies, or preferences, in; a policy adapter out."""
    parallel = parallel_of(settings.parallel)
    data, validation = records_in(work, "data"), records_in(work, "validation")
    refuse_reserved(data, work.name)
    ratings = list(ratings_of(data))
    rated_only(ratings)
    start = start_policy(placed(settings, parallel), work, with_reference=True)
    form = (start.template, start.base.tokenizer, settings.max_tokens, work.seed)
    rated, counts = rated_of(ratings, *form)
    held_out = rated_of(list(ratings_of(validation)), *form)[0] if validation else []
    tell(counts, work)
    known = referred(rated, held_out, start.base, start.roles.reference, settings, work, parallel)
    guard = Collapse(settings.collapse, work)
    algorithm = Kto(start.base.model, known[0], settings, start.roles, work.seed, parallel, known[1], guard)
    learn(algorithm, start, settings, work, parallel, "kto", data)


def records_in(work: Workplace, name: str) -> list[Reply | Preference]:
    """Replies and preferences of an input; a file holds one of the two."""
    return [record for given in work.inputs.get(name, ()) for record in _records_of(Path(given))]


def _records_of(path: Path) -> list[Reply | Preference]:
    """Told from the first line, which every record of the file is like."""
    ranked = False
    if path.is_file():
        with path.open("rb") as file:
            ranked = b'"ranking":' in file.readline()
    return list(read_records(path, Preference if ranked else Reply))
