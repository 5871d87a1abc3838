"""One model in DeepSpeed's hands: its ZeRO optimizer's parts, whole again by parameter. The only file that
knows DeepSpeed's insides; knows no loop.

ZeRO keeps for every role one flat float32 copy of this process's part (stage 3: one for each sub-group), and
our AdamW steps on those. DeepSpeed averages gradients over processes; it neither scales nor clips them here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dajeong.errors import EnvironmentProblem
from dajeong.models.roles import RoleModel
from dajeong.models.whole import put
from dajeong.training.optimizer import MOMENTS
from dajeong.training.settings import OptimizerSettings

AVERAGES = MOMENTS[1:]
LARGEST_BUCKET = 500_000_000


class Engine:
    """A model that trains, the roles of `groups` that own weights of it, and their shared AdamW."""

    def __init__(
        self,
        model: RoleModel,
        groups: Mapping[str, OptimizerSettings],
        stage: int,
        deepspeed: Any,
        *,
        offload: bool = False,
    ) -> None:
        self._deepspeed = deepspeed
        owned = {role: model.parameters_of(role) for role in groups}
        self.roles = [role for role, weights in owned.items() if weights]
        self._adamw = torch.optim.AdamW([_group(owned[r], groups[r]) for r in self.roles], lr=0.0, fused=True)
        self.stage = stage
        num_trained = sum(weight.numel() for weights in owned.values() for weight in weights.values())
        config = _config(stage, offload, num_trained)
        if stage == 3:
            _cut(model, config, deepspeed)
        self.wrapped, self._zero, _, _ = deepspeed.initialize(
            model=model, optimizer=self._adamw, config=config, dist_init_required=False
        )
        self._refuse_other(model)
        self._begin(torch.zeros(()))
        self._in_order = InOrder(self._zero.reduce_ready_partitions_and_remove_grads, owned.values())
        self._zero.reduce_ready_partitions_and_remove_grads = self._in_order
        if self.stage == 3:
            _gather_alike(self._zero, model, deepspeed)

    def backward(self, loss: Tensor) -> None:
        self.wrapped.backward(loss, scale_wrt_gas=False)
        assert not self._in_order.waiting, "every weight that trains has a gradient in every backward"

    def last(self, last: bool) -> None:
        """Whether the backward to come is the update's last one of this model."""
        self.wrapped.set_gradient_accumulation_boundary(last)

    # --- a step

    def gradients(self, role: str) -> list[Tensor]:
        """This process's parts of the gradient, averaged over processes; to be scaled in place."""
        number = self.roles.index(role) if role in self.roles else -1
        return [part for group, part in self._averaged() if group == number]

    def rate(self, role: str, rate: float) -> None:
        if role in self.roles:
            self._adamw.param_groups[self.roles.index(role)]["lr"] = rate

    def move(self) -> None:
        """One step of AdamW on every part; then all weights are as they should be on every process."""
        self.wrapped.step()

    def forget(self) -> None:
        """Drop what the backwards of an update left behind."""
        self._zero.zero_grad(set_to_none=True)
        if self._offloads:
            self._zero.reset_cpu_buffers()
        else:
            self._zero.averaged_gradients = {}

    def _averaged(self) -> Iterator[tuple[int, Tensor]]:
        """(number of the role, part of its gradient)"""
        for place, flat in enumerate(self._flats):
            group: int = self._zero.sub_group_to_group_id[place] if self.stage == 3 else place
            parts: list[Tensor] = [flat.grad] if self._offloads else self._zero.averaged_gradients[place]  # type: ignore[list-item]
            yield from ((group, part) for part in parts)

    # --- its state

    def moments(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """What AdamW remembers of a weight, whole; nothing before the first step."""
        step: Tensor = self._adamw.state[self._flats[0]]["step"]
        if not int(step):
            return {}
        full = self._deepspeed.utils.safe_get_full_optimizer_state
        return {"step": step.clone(), **{part: full(parameter, part) for part in AVERAGES}}

    def put(self, parameter: nn.Parameter, value: Tensor, moments: Mapping[str, Tensor]) -> None:
        """Give a weight and what AdamW remembers of it whole tensors, the same on every process."""
        value = value.to(parameter.device, torch.float32)
        put(parameter, value)
        self._deepspeed.utils.safe_set_full_fp32_param(parameter, value)
        if not moments:
            return
        self._begin(moments["step"])
        for part in AVERAGES:
            wanted = moments[part].to(parameter.device, torch.float32)
            self._deepspeed.utils.safe_set_full_optimizer_state(parameter, wanted, part)

    def _begin(self, step: Tensor) -> None:
        """Room for what AdamW remembers, as after `step` steps.

        AdamW would make it with its first step, but stage 2 looks for it before the second role has stepped.
        """
        for flat in self._flats:
            state = self._adamw.state[flat]
            for part in AVERAGES:
                state.setdefault(part, torch.zeros_like(flat, requires_grad=False))
            state["step"] = step.clone().to(flat.device)
        if self.stage < 3:
            self._zero._lazy_init_hp_params_optimizer_state()

    @property
    def _flats(self) -> list[Tensor]:
        """This process's parts of the weights, role by role."""
        name = "fp32_partitioned_groups_flat" if self.stage == 3 else "single_partition_of_fp32_groups"
        return list(getattr(self._zero, name))

    @property
    def _offloads(self) -> bool:
        return bool(self._zero.offload_optimizer if self.stage == 3 else self._zero.cpu_offload)

    def _refuse_other(self, model: nn.Module) -> None:
        """Raises EnvironmentProblem where something else runs than was asked for."""
        got = self.wrapped.zero_optimization_stage()
        if got != self.stage:
            raise EnvironmentProblem("launcher-differs", asked=f"zero{got}", parallel=f"zero{self.stage}")
        for name, parameter in model.named_parameters():
            if self.stage == 3 and not hasattr(parameter, "ds_id"):
                raise EnvironmentProblem("not-sharded", parallel="zero3", weight=name)


class InOrder:
    """Gradients are handed to DeepSpeed in one order, the same on every process.

    It sums buckets filled in the order in which gradients become ready, and takes for granted that this is
    the same everywhere. Where one process has more to do than another it is not, and gradients of unlike
    weights are summed without a word.
    """

    def __init__(self, reduce: Callable[..., None], owned: Iterable[Mapping[str, nn.Parameter]]) -> None:
        self._reduce = reduce
        weights = [weight for each in owned for weight in each.values()]
        self._order = [id(weight) for weight in reversed(weights)]  # nearly as a backward goes
        self._next = 0
        self.waiting: dict[int, tuple[Any, ...]] = {}

    def __call__(self, *ready: Any) -> None:
        """The weight, and whatever DeepSpeed says beside it."""
        self.waiting[id(ready[0])] = ready
        while (wanted := self._order[self._next]) in self.waiting:
            self._reduce(*self.waiting.pop(wanted))
            self._next = (self._next + 1) % len(self._order)


def _config(stage: int, offload: bool, num_trained: int) -> dict[str, Any]:
    """What DeepSpeed is told: no scaling, no clipping, no optimizer of its own, and buffers of `num_trained`
    numbers at most: it would make room for half a billion.
    """
    zero: dict[str, Any] = {"stage": stage, "reduce_bucket_size": min(num_trained, LARGEST_BUCKET)}
    if offload:
        zero |= {place: {"device": "cpu"} for place in ("offload_param", "offload_optimizer")[3 - stage :]}
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": 0.0,
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
    }


def _cut(model: RoleModel, config: dict[str, Any], deepspeed: Any) -> None:
    """Weights go to the card one by one and leave their parts there; `initialize` would move all of them."""
    deepspeed.zero.Init(module=model, config_dict_or_path=config)
    device = torch.device(deepspeed.get_accelerator().current_device_name())
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device))


def _group(owned: Mapping[str, nn.Parameter], settings: OptimizerSettings) -> dict[str, Any]:
    return {
        "params": list(owned.values()),
        "weight_decay": settings.weight_decay,
        "betas": settings.betas,
        "eps": settings.epsilon,
    }


def _gather_alike(zero: Any, model: RoleModel, deepspeed: Any) -> None:
    """Every layer gathers its adapters with itself, whatever the forward, and no process foresees the next.

    DeepSpeed records which module comes after which, and refuses where processes differ. Ours may: how much
    of the last layer is computed hangs on the tokens a process has, and rollouts visit modules in another
    order. Without the record nothing is gathered before it is needed: FSDP2 is the faster way.
    """
    for layer in model.role_layers().values():
        for matrix in (*layer.A.values(), *layer.B.values()):
            deepspeed.zero.register_external_parameter(layer, matrix)
    deepspeed.zero.register_external_parameter(model, model.head.get_parameter("weight"))
    zero.parameter_offload.fwd_pre_hook.remove()
