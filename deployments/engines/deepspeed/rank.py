"""One DeepSpeed rank: its process group, its share of the model, its forward passes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import deepspeed
import deepspeed.ops
import torch
import torch.distributed as dist
from torch import Tensor

from cluster.facts import UnknownModel, facts_of
from cluster.pool import PoolSpec
from deployments.engines.batch.batching import Plan
from deployments.engines.deepspeed.shards import Shard, shard_problem
from deployments.engines.transformers.engine import load_weights, own_device
from deployments.engines.transformers.runner import Runner

TIMEOUT = timedelta(seconds=120)
"""A rank that does not join a collective in this time counts as dead. A killed one is noticed immediately."""
LOOPBACK = "127."


@dataclass(frozen=True)
class Place:
    """A rank's place in its group."""

    rank: int
    size: int
    host: str
    """Host of rank 0."""
    port: int


class DeepSpeedRank:
    """Rank 0 runs in the replica and leads with `lead`; the others follow with `follow`."""

    def __init__(self, pool: PoolSpec, place: Place, on_gpu: bool) -> None:
        self.pool, self.place, self.on_gpu = pool, place, on_gpu
        self.zero = "zero_offload" in pool.engine.options
        self.runner: Runner
        self.model: Any = None
        self.control: Any = None
        """Process group for broadcasting plans."""

    def join(self) -> None:
        """Join the process group of all ranks."""
        place = self.place
        os.environ |= {
            "RANK": str(place.rank), "WORLD_SIZE": str(place.size), "LOCAL_RANK": "0", "LOCAL_SIZE": "1",
            "MASTER_ADDR": place.host, "MASTER_PORT": str(place.port),
        }  # fmt: skip
        if place.host.startswith(LOOPBACK):
            os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        if not self.on_gpu:
            # DeepSpeed's shared-memory operation crashes unless all ranks are on one node, and it needs a compiler.
            deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        deepspeed.init_distributed(dist_backend="nccl" if self.on_gpu else "gloo", timeout=TIMEOUT, verbose=False)
        self.control = dist.new_group(backend="gloo", timeout=TIMEOUT) if self.on_gpu else dist.group.WORLD

    def load(self) -> list[int]:
        """Load the model, keep this rank's share of it, and check the share's size.

        Returns: global ids of this rank's experts in its first MoE layer; empty if it holds all of them.

        Raises:
            RuntimeError: the model cannot be loaded, or was not split as the spec requires.
        """
        self.join()
        parallel, device = self.pool.parallel, own_device(self.on_gpu)
        whole = load_weights(self.pool)
        if self.zero:
            model = self._initialized(whole, _zero(self.pool))
        elif parallel.expert > 1:
            model = self._initialized(whole.to(device), _auto_ep(whole, self.pool))
        elif parallel.tensor > 1:
            config = {"tensor_parallel": {"tp_size": parallel.tensor}, "replace_with_kernel_inject": False}
            model = deepspeed.init_inference(whole, dtype=whole.dtype, **config).module
        else:
            model = whole.to(device)
        self.model = model.eval()
        self._check_share()
        copies = parallel.data
        self.runner = Runner(self.model, device, self.place.rank if copies > 1 else 0, copies, self._gather)
        return self._experts()

    def _initialized(self, model: Any, config: dict[str, Any]) -> Any:
        """The model in DeepSpeed's runtime, which supports more than its inference engine. Nothing is trained."""
        dtype = {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(model.dtype)
        config |= {"train_micro_batch_size_per_gpu": 1} | ({dtype: {"enabled": True}} if dtype else {})
        engine, *_ = deepspeed.initialize(model=model, config=config)
        return engine.module

    def _check_share(self) -> None:
        try:
            facts = facts_of(self.pool.model)
        except UnknownModel:
            return  # without known sizes there is nothing to compare with
        if problem := shard_problem(count(self.model, self.place.rank), facts, self.pool.parallel, self.zero):
            raise RuntimeError(problem)

    def _experts(self) -> list[int]:
        for module in self.model.modules():
            if hasattr(module, "num_local_experts") and hasattr(module, "ep_rank"):
                first = module.ep_rank * module.num_local_experts
                return list(range(first, first + module.num_local_experts)) if module.ep_size > 1 else []
        return []

    # -- steps -----------------------------------------------------------------------------------------------

    def lead(self, plan: Plan) -> Tensor:
        """Rank 0: broadcast a plan and execute it. Returns logits as `Runner.execute`."""
        dist.broadcast_object_list([plan], src=0, group=self.control)
        return self.runner.execute(plan)

    def follow(self) -> None:
        """Other ranks: execute rank 0's plans until the process ends or rank 0 is dead."""
        while True:
            received: list[Any] = [None]
            dist.broadcast_object_list(received, src=0, group=self.control)
            self.runner.execute(received[0])

    def _gather(self, logits: Tensor, copies: int) -> list[Tensor]:
        """Every copy's logits on rank 0."""
        parts = [torch.empty_like(logits) for _ in range(copies)] if self.place.rank == 0 else None
        dist.gather(logits, parts, dst=0)
        return parts or []


def _zero(pool: PoolSpec) -> dict[str, Any]:
    """ZeRO stage 3: weights are spread over the ranks, stored outside the device, and fetched layer by layer."""
    return {
        "zero_optimization": {
            "stage": 3,
            "offload_param": {"device": pool.engine.options["zero_offload"]},
            "stage3_param_persistence_threshold": 0,
        }
    }


def _auto_ep(model: Any, pool: PoolSpec) -> dict[str, Any]:
    """AutoEP: experts are spread over the ranks, the rest is replicated. Grouped matrix products need GPUs."""
    return {
        "zero_optimization": {"stage": 0},
        "expert_parallel": {
            "enabled": True,
            "autoep_size": pool.parallel.expert,
            "preset_model": model.config.model_type,
            "use_grouped_mm": model.device.type == "cuda",
        },
    }


def count(model: Any, rank: int) -> Shard:
    """Number of parameters on this rank."""
    matrices = experts = partitioned = 0
    for name, parameter in model.named_parameters():
        partitioned += parameter.ds_tensor.numel() if hasattr(parameter, "ds_tensor") else parameter.numel()
        if parameter.dim() < 2 or "embed" in name or "lm_head" in name:
            continue
        if ".experts." in name:
            experts += parameter.numel()
        else:
            matrices += parameter.numel()
    return Shard(rank, matrices, experts, partitioned)
