"""LoRA adapters: what their adapter_config.json says, and the memory they take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cluster.model_facts import ModelFacts
from cluster.pool import PoolSpec

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Values that vLLM takes for `max_lora_rank`."""
USUAL_RANK = 16
"""Of an adapter that is not a local folder; vLLM's own default."""


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter's own facts."""

    rank: int


class BadAdapter(Exception):
    """The folder is not a LoRA adapter; the message says what is missing."""


def read_adapter(path: str) -> Adapter | None:
    """Facts of an adapter folder; None for anything else, such as a hub id.

    Raises:
        BadAdapter: the folder cannot be used.
    """
    folder = Path(path)
    if not folder.is_dir():
        return None
    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        rank = int(config["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadAdapter(f"{path} has no adapter_config.json with a rank `r`: use a folder that PEFT saved") from error
    if not 1 <= rank <= RANKS[-1]:
        raise BadAdapter(f"{path} has rank {rank}: vLLM supports 1 to {RANKS[-1]}")
    return Adapter(rank)


def max_lora_rank(pool: PoolSpec) -> int:
    """The spec's option, else the smallest of vLLM's values that takes every adapter."""
    if asked := pool.engine.options.get("max_lora_rank"):
        return int(asked)
    wanted = max((read_adapter(path) or Adapter(USUAL_RANK)).rank for path in pool.adapters.values())
    return next(rank for rank in RANKS if rank >= wanted)


def adapter_bytes(facts: ModelFacts, pool: PoolSpec, bytes_each: float) -> float:
    """Memory that vLLM reserves on one device: a pair of matrices of the greatest rank for each adapter at once.

    Half of it is split over tensor ranks; that it is all counted errs on the safe side.
    """
    if not pool.adapters:
        return 0.0
    at_once = int(pool.engine.options.get("max_loras", len(pool.adapters)))
    return at_once * max_lora_rank(pool) * facts.lora_width * facts.layers * bytes_each


def adapter_problems(pool: PoolSpec) -> dict[str, str]:
    """What is wrong with a pool's adapters, by field of the pool."""
    problems = {}
    for name, path in pool.adapters.items():
        try:
            adapter = read_adapter(path)
        except BadAdapter as error:
            problems[f"adapters.{name}"] = str(error)
            continue
        limit = pool.engine.options.get("max_lora_rank")
        if adapter and limit and adapter.rank > limit:
            problems["engine.options.max_lora_rank"] = (
                f"invalid value {limit}, use at least {adapter.rank}, the rank of {name}"
            )
    return problems
