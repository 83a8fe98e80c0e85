"""Converts a pool of the spec into vLLM's arguments."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import fields
from typing import Any

from vllm import AsyncEngineArgs
from vllm.entrypoints.launchers.cli_args import BaseFrontendArgs, FrontendArgs
from vllm.entrypoints.openai.models.protocol import LoRAModulePath

from cluster.adapters import max_lora_rank
from cluster.batches import max_num_seqs
from cluster.memory import memory_utilization
from cluster.pool import PoolSpec
from cluster.spec import FleetSpec, HardwareSpec

FRONTEND_NAMES = frozenset(f.name for f in fields(BaseFrontendArgs))
CPU_RANK = "deployments.engines.vllm.cpu_rank.CpuRank"
GPU_RANK = "deployments.engines.vllm.gpu_rank.GpuRank"


def vllm_arguments(spec: FleetSpec, pool_name: str) -> tuple[AsyncEngineArgs, Namespace]:
    """The engine's arguments, and the same with the serving layer's arguments."""
    pool, hardware = spec.pools[pool_name], spec.hardware_of(pool_name)
    options = dict(pool.engine.options)
    frontend = {name: options.pop(name) for name in list(options) if name in FRONTEND_NAMES}
    engine_args = AsyncEngineArgs(
        **{
            "model": pool.model,
            "tokenizer": pool.tokenizer,
            "served_model_name": [pool.public_name],
            "tensor_parallel_size": pool.parallel.tensor,
            "pipeline_parallel_size": pool.parallel.pipeline,
            "data_parallel_size": pool.parallel.data,
            "enable_expert_parallel": pool.parallel.expert > 1,
            "worker_cls": GPU_RANK if hardware.is_gpu else CPU_RANK,
            "distributed_executor_backend": _executor(pool, hardware),
            # With equal priorities this is first come, first served, so it costs nothing.
            "scheduling_policy": "priority",
            # Explicit, because vLLM cannot inspect the device if its ranks run on other nodes.
            "max_num_seqs": max_num_seqs(pool, hardware),
        }
        | _share(pool, hardware)
        | _speculation(pool, spec.draft_of(pool_name))
        | _adapters(pool)
        | options
    )
    adapters = [LoRAModulePath(name, path) for name, path in pool.adapters.items()]
    frontend["lora_modules"] = adapters or None
    return engine_args, Namespace(**(vars(FrontendArgs()) | vars(engine_args) | frontend))


def _executor(pool: PoolSpec, hardware: HardwareSpec) -> str | type:
    """How vLLM starts the ranks: in EngineCore, as processes, or as Ray actors in the replica's placement group."""
    if pool.parallel.tensor * pool.parallel.pipeline == 1:
        return "uni"
    if pool.parallel.data > 1:
        return "mp"
    if hardware.is_gpu:
        return "ray"
    from deployments.engines.vllm.cpu_ray_executor import CpuRayExecutor

    return CpuRayExecutor


def _share(pool: PoolSpec, hardware: HardwareSpec) -> dict[str, Any]:
    """The memory of a share of a GPU; on a whole one, vLLM's own default."""
    return {"gpu_memory_utilization": memory_utilization(pool, hardware)} if pool.gpu_fraction < 1 else {}


def _speculation(pool: PoolSpec, draft: str | None) -> dict[str, Any]:
    speculation = pool.speculation
    if speculation is None:
        return {}
    config: dict[str, Any] = {"method": speculation.method, "num_speculative_tokens": speculation.tokens}
    if speculation.method == "ngram":
        return {"speculative_config": config | {"prompt_lookup_max": speculation.prompt_lookup_max}}
    return {"speculative_config": config | {"model": draft}}


def _adapters(pool: PoolSpec) -> dict[str, Any]:
    if not pool.adapters:
        return {}
    return {"enable_lora": True, "max_loras": len(pool.adapters), "max_lora_rank": max_lora_rank(pool)}
