"""torch FSDP2: every weight lies in parts on all processes, and is whole only while its block works.

For cards that do not hold the base, and for full fine-tuning. Frozen base and float32 adapters of a block
share a group; roles, heads and embeddings belong to the root. Knows no algorithm.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from dajeong.errors import EnvironmentProblem
from dajeong.models.checkpointing import blocks_of
from dajeong.models.roles import RoleModel
from dajeong.models.runtime import device_of, dtype_of
from dajeong.models.settings import RuntimeSettings
from dajeong.training.parallel import Replicas, Shared
from dajeong.training.processes import Processes
from dajeong.training.settings import OptimizerSettings


class Fsdp2(Processes):
    sharded = True

    def __init__(self) -> None:
        super().__init__("fsdp2")
        self._offload = False

    def runtime(self, settings: RuntimeSettings) -> RuntimeSettings:
        """On the CPU, in the type of the card: what does not fit a card comes to it in parts.

        Raises EnvironmentProblem for a quantised base, whose numbers cannot be cut.
        """
        if settings.quantised:
            raise EnvironmentProblem("sharded-quantised", parallel=self.name)
        dtype = str(dtype_of(settings, device_of(settings))).removeprefix("torch.")
        self._offload = settings.offload == "base"
        return settings.model_copy(update={"device": "cpu", "dtype": dtype, "offload": None})

    def share(self, models: Mapping[str, RoleModel], groups: Mapping[str, OptimizerSettings]) -> Shared:
        for model in models.values():
            self._shard(model)
        return Replicas(models, models, groups)

    def _shard(self, model: RoleModel) -> None:
        """In place, block by block; the root last. Raises EnvironmentProblem where anything stays whole."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import CPUOffloadPolicy, OffloadPolicy, fully_shard
        from torch.distributed.fsdp import register_fsdp_forward_method as also

        on_gpu = torch.cuda.is_available()
        mesh = init_device_mesh("cuda" if on_gpu else "cpu", (self.world,))
        policy = CPUOffloadPolicy(pin_memory=on_gpu) if self._offload else OffloadPolicy()
        # the root, too, is cut again after a forward: what is whole between forwards could be written to
        # and read from, and neither would count
        options: dict[str, Any] = {"mesh": mesh, "reshard_after_forward": True, "offload_policy": policy}
        # nobody writes into what a forward returns, views or not
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")
        for block in blocks_of(model.trunk):
            fully_shard(block, **options)
        fully_shard(model, **options)
        model.works_on = torch.device("cuda", torch.cuda.current_device()) if on_gpu else None
        for method in ("hidden", "logits"):
            also(model, method)
        self._refuse_whole(model)

    def _refuse_whole(self, model: nn.Module) -> None:
        for name, parameter in model.named_parameters():
            mesh = getattr(parameter, "device_mesh", None)
            if mesh is None or mesh.size() != self.world:
                raise EnvironmentProblem("not-sharded", parallel=self.name, weight=name)
