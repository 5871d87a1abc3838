"""Direct preference optimisation (Rafailov et al. 2023), and IPO, conservative DPO and SimPO beside it.

A prompt's K answers are read once by the policy and once by its reference, side by side in one forward; every
ordered pair weighs 1 / C. The reference is what the policy starts from, so the loss starts at ln 2.
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
from dajeong.training.preference_losses import direct, identity, num_right
from dajeong.training.preference_passes import Passes
from dajeong.training.preference_policy import learn, start_policy, tell
from dajeong.training.preference_reference import referred
from dajeong.training.preference_settings import DpoSettings
from dajeong.workplace import Workplace


class Dpo(Passes[Choice]):
    """Learns role `policy` to make the better of two answers likelier than its reference does."""

    settings: DpoSettings

    def __init__(
        self,
        model: RoleModel,
        choices: Sequence[Choice],
        settings: DpoSettings,
        roles: Roles,
        seed: int,
        parallel: Parallel | None = None,
        held_out: Sequence[Choice] = (),
        guard: Collapse | None = None,
    ) -> None:
        super().__init__(model, choices, settings, roles, seed, parallel, held_out, guard)
        self.coefficients = {
            "preference": 1.0,
            "nll": settings.sft_coefficient,
            "accuracy": 0.0,
            "margin": 0.0,
            "chosen_logp": 0.0,
            "rejected_logp": 0.0,
            "drift": 0.0,
        }

    def batches(self, parts: Sequence[Sequence[Choice]]) -> list[Batch]:
        return [self._batch(part) for part in parts]

    def loss(self, outputs: TokenOutputs, batch: Batch) -> Mapping[str, Tensor]:
        settings, columns = self.settings, batch.columns
        answers = read(outputs.logprobs, columns, self.roles.together)
        better, worse, weight = columns["better"], columns["worse"], columns["weight"]
        by_length = settings.mean_logprobs or settings.loss == "simpo"
        ratios = answers.per_token if by_length else answers.ratios
        gaps = ratios[better] - ratios[worse]
        lost = (
            identity(gaps, weight, settings.beta)
            if settings.loss == "ipo"
            else direct(settings.beta * gaps - settings.margin, weight, settings.label_smoothing)
        )
        return {
            "preference": lost,
            "nll": -(columns["best_weight"] * answers.policy[columns["best"]]).sum(),
            "accuracy": num_right(gaps),
            "margin": settings.beta * (weight * gaps).sum(),
            "chosen_logp": (weight * answers.policy[better]).sum(),
            "rejected_logp": (weight * answers.policy[worse]).sum(),
            "drift": (weight * answers.per_token[better]).sum(),
        }

    def _batch(self, part: Sequence[Choice]) -> Batch:
        device = self.models["main"].device
        answers, reference = answers_of(part, self.atoms[0])
        columns = {**reading_columns(answers, reference), **pair_columns(part, device)}
        total = sum(choice.weight for choice in part)
        weights = dict.fromkeys(self.coefficients, float(total))
        weights["nll"] = best_tokens(part)
        weights["accuracy"] = float(sum(len(choice.pairs) for choice in part))
        if self.settings.loss == "simpo":
            weights["drift"] = 0.0  # from nothing
        return Batch(packed(answers, self.roles, device), weights, columns)


def run(settings: DpoSettings, work: Workplace) -> None:
    """The step `dpo`: a policy and preferences in, a policy adapter out."""
    parallel = parallel_of(settings.parallel)
    data, validation = work.records("data", Preference), work.records("validation", Preference)
    refuse_reserved(data, work.name)
    ordered_of(data)
    start = start_policy(placed(settings, parallel), work, with_reference=settings.loss != "simpo")
    form = (start.template, start.base.tokenizer, settings.max_tokens)
    choices, counts = choices_of(data, *form)
    held_out = choices_of(validation, *form)[0] if validation else []
    tell(counts, work)
    known = referred(choices, held_out, start.base, start.roles.reference, settings, work, parallel)
    guard = Collapse(settings.collapse, work)
    algorithm = Dpo(start.base.model, known[0], settings, start.roles, work.seed, parallel, known[1], guard)
    learn(algorithm, start, settings, work, parallel, "dpo", data)
