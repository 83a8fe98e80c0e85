"""Checks that a rank holds the share of the model that its spec requires, because DeepSpeed may silently not split it.

Known silent cases of DeepSpeed 0.19: AutoTP does not split Mixtral's experts, and `moe` and `quant` of init_inference
have no effect. A rank's share is therefore measured before it serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.model_facts import ModelFacts
from cluster.parallel import ParallelSpec

TOLERANCE = 0.02
"""Allowed relative difference, for the padding of uneven splits."""


@dataclass(frozen=True)
class Shard:
    """Number of parameters on one rank, by the kind of split."""

    rank: int
    matrices: int
    """Parameters of attention and of dense MLPs, including routers and shared experts."""
    experts: int
    """Parameters of routed experts."""
    partitioned: int
    """All parameters, as partitioned by ZeRO."""


def shard_problem(shard: Shard, facts: ModelFacts, parallel: ParallelSpec, zero: bool) -> str:
    """The problem of a rank's share; empty if there is none."""
    checks: Mapping[str, tuple[int, float]] = (
        {"the model (ZeRO)": (shard.partitioned, facts.parameters / parallel.devices)}
        if zero
        else {
            "attention and MLP": (shard.matrices, facts.matrices / parallel.tensor),
            "experts": (shard.experts, facts.routed / (parallel.tensor * parallel.expert)),
        }
    )
    for part, (count, required) in checks.items():
        if abs(count - required) > TOLERANCE * max(required, 1):
            return (
                f"rank {shard.rank} holds {count:,} parameters of {part}, the spec requires {required:,.0f}: "
                "DeepSpeed did not split this model, " + _advice(facts, parallel)
            )
    return ""


def _advice(facts: ModelFacts, parallel: ParallelSpec) -> str:
    if facts.experts and parallel.tensor > 1:
        return f"use parallel: {{data: {parallel.tensor}, expert: {parallel.tensor}}}, or engine kind vllm"
    return "use another layout, or engine kind vllm"
