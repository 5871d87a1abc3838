"""Odds ratio preference optimisation (Hong et al. 2024): fine-tuning and preference in one, no reference.

−log p of a prompt's best answers, and λ times −log σ of how much better their odds are. A policy may start
from a bare base or go on from an adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from dajeong.data.reserved import refuse_reserved
from dajeong.models.layout import TokenOutputs
from dajeong.models.roles import RoleModel
from dajeong.records import Preference
from dajeong.training.algorithm import Batch
from dajeong.training.parallel import Parallel, parallel_of, placed
from dajeong.training.preference_batches import (
    Roles,
    answers_of,
    best_tokens,
    packed,
    pair_columns,
    read,
    reading_columns,
)
from dajeong.training.preference_examples import Choice, choices_of, ordered_of
from dajeong.training.preference_guard import Collapse
from dajeong.training.preference_losses import log_odds, num_right, odds_ratio
from dajeong.training.preference_passes import Passes
from dajeong.training.preference_policy import learn, start_policy, tell
from dajeong.training.preference_settings import OrpoSettings
from dajeong.workplace import Workplace


class Orpo(Passes[Choice]):
    """Learns role `policy` to write the better answers, and to give them the better odds."""

    def __init__(
        self,
        model: RoleModel,
        choices: Sequence[Choice],
        settings: OrpoSettings,
        roles: Roles,
        seed: int,
        parallel: Parallel | None = None,
        held_out: Sequence[Choice] = (),
        guard: Collapse | None = None,
    ) -> None:
        super().__init__(model, choices, settings, roles, seed, parallel, held_out, guard)
        self.coefficients = {
            "nll": 1.0,
            "odds_ratio": settings.odds_ratio,
            "accuracy": 0.0,
            "margin": 0.0,
            "chosen_logp": 0.0,
            "rejected_logp": 0.0,
        }

    def batches(self, parts: Sequence[Sequence[Choice]]) -> list[Batch]:
        return [self._batch(part) for part in parts]

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        columns = batch.columns
        answers = read(outputs.logprobs, columns, together=False)
        better, worse, weight = columns["better"], columns["worse"], columns["weight"]
        odds = log_odds(answers.per_token)
        gaps = odds[better] - odds[worse]
        return {
            "nll": -(columns["best_weight"] * answers.policy[columns["best"]]).sum(),
            "odds_ratio": odds_ratio(gaps, weight),
            "accuracy": num_right(gaps),
            "margin": (weight * gaps).sum(),
            "chosen_logp": (weight * answers.policy[better]).sum(),
            "rejected_logp": (weight * answers.policy[worse]).sum(),
        }

    def _batch(self, part: Sequence[Choice]) -> Batch:
        device = self.models["main"].device
        answers, _ = answers_of(part, self.atoms[0])
        columns = {**reading_columns(answers, ()), **pair_columns(part, device)}
        weights = dict.fromkeys(self.coefficients, float(sum(choice.weight for choice in part)))
        weights["nll"] = best_tokens(part)
        weights["accuracy"] = float(sum(len(choice.pairs) for choice in part))
        return Batch(packed(answers, self.roles, device), weights, columns)


def run(settings: OrpoSettings, work: Workplace) -> None:
    """The step `orpo`: a base or a policy and preferences in, a policy adapter out."""
    parallel = parallel_of(settings.parallel)
    data, validation = work.records("data", Preference), work.records("validation", Preference)
    refuse_reserved(data, work.name)
    ordered_of(data)
    start = start_policy(placed(settings, parallel), work, with_reference=False)
    form = (start.template, start.base.tokenizer, settings.max_tokens)
    choices, counts = choices_of(data, *form)
    held_out = choices_of(validation, *form)[0] if validation else []
    tell(counts, work)
    guard = Collapse(settings.collapse, work)
    algorithm = Orpo(start.base.model, choices, settings, start.roles, work.seed, parallel, held_out, guard)
    learn(algorithm, start, settings, work, parallel, "orpo", data)
