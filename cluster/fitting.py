"""What to write so that a pool fits its devices: one value for each setting that can be changed.

Each value is found by trying: the memory arithmetic runs on the changed pool, so `signalbox check` accepts what is
named here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cluster.memory import GIB, PoolMemory, pool_memory
from cluster.model_facts import ModelFacts
from cluster.placing import layout_problems
from cluster.pool import PoolSpec
from cluster.sharing import highest_utilization
from cluster.spec import HardwareSpec
from cluster.widths import quantisation

STEP_TOKENS = 32
"""Context lengths are advised in whole KV cache blocks: 16 tokens on GPUs, 32 on CPU."""
MOST_OF_A_GPU = 0.95
"""The largest `gpu_memory_utilization` that is advised: the driver and other processes need the rest."""
SIZES = ("kv_cache_memory_bytes", "kv_budget_tokens")
"""Options that ask for a size of the KV cache."""


@dataclass(frozen=True)
class Devices:
    """What a changed pool is tried on: the same model and hardware."""

    facts: ModelFacts
    hardware: HardwareSpec
    draft: ModelFacts | None = None
    """The model that drafts for the pool's, on the same devices."""

    def memory(self, pool: PoolSpec) -> PoolMemory:
        """The arithmetic of the pool."""
        return pool_memory(self.facts, pool, self.hardware, self.draft)

    def fits(self, pool: PoolSpec) -> bool:
        """Whether the model can be split so, and one sequence of full context fits."""
        return not layout_problems(pool, self.facts) and self.memory(pool).fits


def settings_that_fit(pool: PoolSpec, devices: Devices) -> Iterator[str]:
    """Changes of one field each with which a pool that is too big fits, such as `max_model_len: 20,320 fits`."""
    if tokens := _longest_context(pool, devices):
        yield f"max_model_len: {tokens:,} fits"
    for option in SIZES:
        if option in pool.engine.options and (size := _kv_size(pool, option, devices)):
            yield f"{option}: {size:,} fits"
    if devices.hardware.is_gpu and (share := _share(pool, devices)):
        yield f"gpu_memory_utilization: {share:.2f} fits"
    if pool.gpu_fraction < 1 and (fraction := _fraction(pool, devices)):
        yield f"gpu_fraction: {fraction:.2f} fits"
    if pool.gpu_fraction == 1 and (ranks := _tensor(pool, devices)):
        yield f"parallel.tensor: {ranks} fits"
    if _in_8_bits(pool, devices):
        yield "quantization: fp8 fits"


def _with(pool: PoolSpec, **options: Any) -> PoolSpec:
    engine = pool.engine.model_copy(update={"options": pool.engine.options | options})
    return pool.model_copy(update={"engine": engine})


def _longest_context(pool: PoolSpec, devices: Devices) -> int:
    """The longest context that fits, in whole steps; 0 if not even one step does."""
    most = devices.memory(pool).max_context_tokens // STEP_TOKENS
    return STEP_TOKENS * _largest(lambda steps: devices.fits(_with(pool, max_model_len=steps * STEP_TOKENS)), most)


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number up to `most` that fits, where every smaller one does too; 0 if none does."""
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        low, most = (middle, most) if fits(middle) else (low, middle - 1)
    return low


def _kv_size(pool: PoolSpec, option: str, devices: Devices) -> int:
    """The nearest KV cache size that holds a sequence and fits the device; 0 if there is none."""
    memory, asked = devices.memory(pool), int(pool.engine.options[option])
    unit = 1.0 if option == "kv_cache_memory_bytes" else memory.kv_bytes_per_token / pool.parallel.data
    missing = math.ceil(-memory.spare_gib * GIB / unit)
    sizes = (size for size in (asked + missing, asked - missing) if size > 0)
    return next((size for size in sizes if devices.fits(_with(pool, **{option: size}))), 0)


def _share(pool: PoolSpec, devices: Devices) -> float:
    """The smallest share of a GPU that fits, in hundredths; 0 if the driver and the CUDA context would lack memory."""
    memory = devices.memory(pool)
    share = math.ceil(100 * (memory.usable_gib - memory.spare_gib) / memory.device_gib) / 100
    shared = pool.gpu_fraction < 1
    most = highest_utilization(pool.gpu_fraction, memory.device_gib) if shared else MOST_OF_A_GPU
    if share > most or not devices.fits(_with(pool, gpu_memory_utilization=share)):
        return 0.0
    return share


def _fraction(pool: PoolSpec, devices: Devices) -> float:
    """The smallest part of a GPU that fits, in hundredths; 0 if not even the whole one does."""
    larger = (hundredths / 100 for hundredths in range(math.ceil(100 * pool.gpu_fraction), 101))
    return next((part for part in larger if devices.fits(pool.model_copy(update={"gpu_fraction": part}))), 0.0)


def _tensor(pool: PoolSpec, devices: Devices) -> int:
    """The fewest tensor-parallel ranks of one node that fit, by doubling; 0 if none do."""
    layout, ranks = pool.parallel, 2 * pool.parallel.tensor
    while ranks * layout.data <= devices.hardware.devices_per_node:
        expert = ranks * layout.data if layout.expert > 1 else 1
        split = pool.model_copy(update={"parallel": layout.model_copy(update={"tensor": ranks, "expert": expert})})
        if devices.fits(split):
            return ranks
        ranks *= 2
    return 0


def _in_8_bits(pool: PoolSpec, devices: Devices) -> bool:
    """Whether vLLM can halve a checkpoint of 16 bits while it loads it, which it does on GPUs only."""
    can = devices.hardware.is_gpu and "quantization" in pool.engine.traits.options.names
    if not can or quantisation(devices.facts, pool.engine.options):
        return False
    return devices.fits(_with(pool, quantization="fp8"))
