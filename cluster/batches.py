"""How much one engine puts into a step, where the spec does not say it.

Source: `get_batch_defaults` in vLLM 0.32's engine/arg_utils.py, for its server.
"""

from __future__ import annotations

from cluster.pool import PoolSpec
from cluster.spec import HardwareSpec


def max_num_seqs(pool: PoolSpec, hardware: HardwareSpec) -> int:
    """Sequences in one engine's batch: the spec's option, else the engine's default."""
    if asked := pool.engine.options.get("max_num_seqs"):
        return int(asked)
    if (rows := pool.engine.traits.batch_rows) is not None:
        return rows
    if not hardware.is_gpu:
        return 128 * pool.parallel.tensor * pool.parallel.pipeline
    return 1024 if _is_large(hardware) else 256


def max_num_batched_tokens(pool: PoolSpec, hardware: HardwareSpec) -> int:
    """Tokens in one step of vLLM: the spec's option, else its default."""
    if asked := pool.engine.options.get("max_num_batched_tokens"):
        return int(asked)
    if not hardware.is_gpu:
        return 2048 * pool.parallel.tensor * pool.parallel.pipeline
    if hardware.device_memory_gib >= 160:
        return 16_384
    return 8192 if _is_large(hardware) else 2048


def _is_large(hardware: HardwareSpec) -> bool:
    return hardware.device_memory_gib >= 70 and hardware.device.ray_type != "A100"
