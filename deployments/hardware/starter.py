"""Chooses pools for a machine, as a start for a spec: models that ship with Signalbox's facts, and that fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cluster.devices import DEVICES
from cluster.facts import facts_of
from cluster.memory import pool_memory
from cluster.placing import layout_problems
from cluster.pool import PoolSpec
from cluster.spec import HardwareSpec
from deployments.hardware.catalogue import device_name
from deployments.hardware.machine import FoundGpu

TENSOR = (1, 2, 4, 8)
CONTEXTS = (32_768, 16_384, 8_192, 4_096)
GOOD_CONTEXT = 16_384
"""Worth more devices; shorter ones are taken only if no layout has it."""
LEAST_SEQUENCES = 8
"""Requests of typical length that a pool should answer at once."""
TOOLS: dict[str, Any] = {"enable_auto_tool_choice": True, "tool_call_parser": "hermes"}
THINKS = TOOLS | {"reasoning_parser": "qwen3"}
CANDIDATES: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]] = {
    "small": (("Qwen/Qwen3-8B", THINKS),),
    "moe": (("Qwen/Qwen3-30B-A3B", THINKS),),
    "large": (("Qwen/Qwen2.5-72B-Instruct", TOOLS), ("Qwen/Qwen3-32B", THINKS)),
}
"""By tier, the best first, with vLLM's parsers for its answers. All can be downloaded without an account."""
PRECISIONS: tuple[dict[str, Any], ...] = ({}, {"quantization": "fp8"})
SHARED = (("Qwen/Qwen3-8B", "Qwen/Qwen3-32B"), ("Qwen/Qwen3-1.7B", "Qwen/Qwen3-8B"))
"""Models of `small` and `large` that share the only GPU, the best first."""
SHARES = {"small": 0.35, "large": 0.65}
FLEETS = (("small", "moe", "large"), ("small", "large"), ("small", "moe"), ("moe",), ("small",))
"""Tiers of a fleet, the most useful first."""


class NothingFits(Exception):
    """No pool can be chosen; the message says why."""


@dataclass(frozen=True)
class ChosenPool:
    """A pool that fits."""

    tier: str
    model: str
    tensor: int
    options: Mapping[str, Any]
    replicas: int = 1
    """As many as the devices allow."""
    is_moe: bool = False
    share: float = 1.0
    """Share of one GPU."""


@dataclass(frozen=True)
class ChosenFleet:
    """Pools on the GPUs of one type."""

    device: str
    gpus: tuple[FoundGpu, ...]
    pools: tuple[ChosenPool, ...]
    unused: tuple[FoundGpu, ...] = ()
    """GPUs of other types."""


def choose_fleet(gpus: Sequence[FoundGpu]) -> ChosenFleet:
    """The most useful fleet for the GPUs of the most frequent type.

    Raises:
        NothingFits: the type is not in the catalogue, or no model fits.
    """
    kind = Counter(gpu.ray_type for gpu in gpus).most_common(1)[0][0]
    ours = tuple(gpu for gpu in gpus if gpu.ray_type == kind)
    device = device_name(min(ours, key=lambda gpu: gpu.memory_gib or 0.0))
    if device is None:
        raise NothingFits(f"{kind} is not in the catalogue: copy a file of examples/ and describe it there")
    hardware = HardwareSpec(device=DEVICES[device], devices_per_node=len(ours))
    fleets = [_sharing(models, hardware) for models in SHARED] if len(ours) == 1 else []
    for pools in (*fleets, *(_pools(tiers, hardware) for tiers in FLEETS)):
        if pools:
            return ChosenFleet(device, ours, pools, tuple(gpu for gpu in gpus if gpu.ray_type != kind))
    raise NothingFits(f"no model that is known here fits into {device}: write a spec for a smaller one")


def _pools(tiers: Sequence[str], hardware: HardwareSpec) -> tuple[ChosenPool, ...]:
    """A pool for each tier, the highest first; empty if the devices are not enough. The lowest gets what is left."""
    left = hardware.devices_per_node
    chosen: list[ChosenPool] = []
    for position, tier in enumerate(reversed(tiers)):
        kept = len(tiers) - position - 1  # at least a device for each other pool
        pool = next((pool for pool in _layouts(tier, hardware) if pool.tensor <= left - kept), None)
        if pool is None:
            return ()
        chosen.append(pool)
        left -= pool.tensor
    lowest = chosen.pop()
    return replace(lowest, replicas=1 + left // lowest.tensor), *reversed(chosen)


def _sharing(models: tuple[str, str], hardware: HardwareSpec) -> tuple[ChosenPool, ...]:
    """Two pools on one GPU; empty if they do not fit."""
    chosen: list[ChosenPool] = []
    for (tier, share), model in zip(SHARES.items(), models, strict=True):
        tries = ({"tier": tier, "model": model, "options": {**quantised, **THINKS}} for quantised in PRECISIONS)
        fitting = (_fitting(written, 1, CONTEXTS, hardware, share) for written in tries)
        pool = next((pool for pool in fitting if pool), None)
        if pool is None:
            return ()
        chosen.append(pool)
    return tuple(chosen)


def _layouts(tier: str, hardware: HardwareSpec) -> Iterator[ChosenPool]:
    """Layouts that fit: the better model first, a good context, full precision before 8 bits, then few devices."""
    for model, parsers in CANDIDATES[tier]:
        for contexts in (CONTEXTS[: CONTEXTS.index(GOOD_CONTEXT) + 1], CONTEXTS):
            for quantised in PRECISIONS:
                for tensor in TENSOR:
                    written = {"tier": tier, "model": model, "options": {**quantised, **parsers}}
                    if pool := _fitting(written, tensor, contexts, hardware):
                        yield pool


def _fitting(
    written: Mapping[str, Any], tensor: int, contexts: Sequence[int], hardware: HardwareSpec, share: float = 1.0
) -> ChosenPool | None:
    """A layout with the longest of the contexts that fits."""
    facts = facts_of(written["model"])
    for context in contexts:
        options = {"max_model_len": min(context, facts.max_context_tokens), **written["options"]}
        parallel = {"tensor": tensor, "expert": tensor if facts.experts else 1}
        spec = {
            "tier": written["tier"],
            "model": written["model"],
            "parallel": parallel,
            "gpu_fraction": share,
            "engine": {"options": options},
        }
        pool = PoolSpec.model_validate(spec)
        memory = pool_memory(facts, pool, hardware)
        if memory.fits and memory.typical_sequences >= LEAST_SEQUENCES and not layout_problems(pool, facts):
            return ChosenPool(pool.tier, pool.model, tensor, options, is_moe=bool(facts.experts), share=share)
    return None
