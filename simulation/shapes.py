"""Estimates the speed and memory of a pool's replica from the spec.

Speeds of Llama-2-70B on A100 and H100 come from measurements (`simulation.splitwise`). For other models they are scaled
by bytes, operations and layers, and for other devices by data sheets. These are estimates.
"""

from __future__ import annotations

import math
from typing import Any

from cluster.batches import max_num_batched_tokens, max_num_seqs
from cluster.device import DeviceSpec
from cluster.facts import ModelFacts, UnknownModel, facts_of
from cluster.kv_cache import kv_bytes_per_token
from cluster.memory import pool_memory, weight_bytes
from cluster.pool import PoolSpec
from cluster.spec import FleetSpec, HardwareSpec
from cluster.widths import weight_bytes_each
from simulation.splitwise import A100, H100, LONG_STEP_TOKENS, SpeedConstants
from simulation.timing import EngineShape, StepTimes

CONSTANTS: dict[str, SpeedConstants] = {"H100": H100, "H200": H100, "MI300X": H100}
"""Constants by device. Other devices are assumed to have the host overhead of an A100."""
BATCHED_TOKENS = 2048
"""Tokens in one step of the simulated engine."""


class NotSimulated(Exception):
    """A pool cannot be simulated. The message names it and tells what to change."""


def engine_shape(spec: FleetSpec, name: str) -> EngineShape:
    """The shape of one replica of a pool.

    Raises:
        NotSimulated: the pool is remote, its model is unknown, its model does not fit its devices, or their
            speed is unknown.
    """
    pool = spec.pools[name]
    if not pool.devices:
        raise NotSimulated(f"pools.{name}: is remote and has no known speed, leave it out")
    if not pool.engine.traits.hosts_weights:
        return _simulated(pool.engine.options)
    try:
        facts = facts_of(pool.model)
        draft_name = spec.draft_of(name)
        draft = facts_of(draft_name) if draft_name else None
    except UnknownModel as error:
        raise NotSimulated(f"pools.{name}.model: {error}") from error
    hardware = spec.hardware_of(name)
    memory = pool_memory(facts, pool, hardware, draft)
    if not memory.fits:
        raise NotSimulated(
            f"pools.{name}: lacks {-memory.spare_gib:.1f} GiB per device for its weights and one sequence of "
            f"{memory.max_context_tokens} tokens, see `signalbox check`"
        )
    options = pool.engine.options
    batch = max_num_seqs(pool, hardware)
    return EngineShape(
        times=_times(facts, pool, hardware, batch * pool.parallel.data),
        kv_tokens=memory.kv_tokens,
        max_num_seqs=batch * pool.parallel.data,
        max_num_batched_tokens=pool.parallel.data * max_num_batched_tokens(pool, hardware),
        max_context_tokens=memory.max_context_tokens,
        block_tokens=int(options.get("block_size") or 16),
        chunked=options.get("enable_chunked_prefill") is not False,
    )


def _times(facts: ModelFacts, pool: PoolSpec, hardware: HardwareSpec, batch: int) -> StepTimes:
    """Step times of a replica. Data-parallel copies share the sequences and step together. Pipeline stages count as if
    they split every layer."""
    (bandwidth, flops), constants = (
        _rates(hardware.device, pool.gpu_fraction),
        CONSTANTS.get(hardware.device.name, A100),
    )
    copies, split = pool.parallel.data, pool.parallel.tensor * pool.parallel.pipeline
    layers_s = facts.layers * (constants.layer_s + constants.layer_doubling_s * math.log2(split))
    arithmetic = constants.arithmetic_factor / (split * copies * flops)
    hidden = facts.layers * facts.heads * facts.head_size
    reduce_s = hidden * (split - 1) / split * constants.reduce_s / copies
    all_s = weight_bytes(facts, pool) / bandwidth + layers_s
    experts_s = (facts.routed * weight_bytes_each(facts, pool.engine.options)) / (pool.parallel.devices * bandwidth)
    return StepTimes(
        decode_weights_s=tuple(all_s - experts_s * _unread(facts, sequences) for sequences in range(batch + 1)),
        prefill_weights_s=all_s,
        per_sequence_s=facts.layers * constants.sequence_layer_s / copies,
        per_kv_token_s=kv_bytes_per_token(facts, pool, hardware) / bandwidth / copies,
        per_prompt_token_s=2 * facts.active_parameters * arithmetic + reduce_s,
        per_attended_pair_s=4 * hidden * arithmetic,
        per_long_token_s=hidden * constants.long_s / copies,
        long_from_tokens=LONG_STEP_TOKENS * copies,
    )


def _rates(device: DeviceSpec, share: float) -> tuple[float, float]:
    """Bytes and operations per second on a share of a device, as if the replicas that share it were always busy."""
    if device.bandwidth_gb_s is None or device.tflops is None:
        raise NotSimulated(f"device {device.name}: has no known speed, add bandwidth_gb_s and tflops to it")
    return share * device.bandwidth_gb_s * 1e9, share * device.tflops * 1e12


def _unread(facts: ModelFacts, sequences: int) -> float:
    """Share of the routed experts that no sequence of a step uses, if routing is uniform."""
    return (1 - facts.experts_per_token / facts.experts) ** sequences if facts.experts else 0.0


def _simulated(options: dict[str, Any]) -> EngineShape:
    """The shape of the simulated engine, with the rates of `deployments.engines.simulated`."""
    batch = int(options.get("max_num_seqs", 32))
    step_s = 1 / float(options.get("decode_tokens_per_s", 100))
    return EngineShape(
        times=StepTimes(
            (step_s,) * (batch + 1), step_s, 0.0, 0.0, 1 / float(options.get("prefill_tokens_per_s", 10_000)), 0.0
        ),
        kv_tokens=int(options.get("kv_capacity_tokens", 65_536)),
        max_num_seqs=batch,
        max_num_batched_tokens=BATCHED_TOKENS,
        max_context_tokens=int(options.get("max_model_len", 4_096)),
    )
