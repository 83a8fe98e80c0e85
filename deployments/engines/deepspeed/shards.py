"""Does a rank hold the share of the model that its spec promises? DeepSpeed leaves parts whole without a word.

Known silent cases of DeepSpeed 0.19: AutoTP does not split Mixtral's experts, `moe` and `quant` of init_inference do
nothing. What a rank holds is therefore measured and compared before it serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.facts import ModelFacts
from cluster.parallel import ParallelSpec

TOLERANCE = 0.02
"""Relative; padding of uneven splits."""


@dataclass(frozen=True)
class Shard:
    """Parameters on one rank, counted by what splits them."""

    rank: int
    matrices: int
    """Of attention and of dense MLPs, routers and shared experts with them."""
    experts: int
    """Of routed experts."""
    partitioned: int
    """Everything, under ZeRO's partitioning."""


def shard_problem(shard: Shard, facts: ModelFacts, parallel: ParallelSpec, zero: bool) -> str:
    """What is wrong with a rank's share, or nothing."""
    dense = facts.layers * facts.attention + (facts.layers - facts.moe_layers) * facts.dense_mlp
    matrices = dense + facts.moe_layers * facts.mlp
    experts = facts.moe_layers * facts.experts * facts.expert
    checks: Mapping[str, tuple[int, float]] = (
        {"the model (ZeRO)": (shard.partitioned, facts.parameters / parallel.devices)}
        if zero
        else {
            "attention and MLP": (shard.matrices, matrices / parallel.tensor),
            "experts": (shard.experts, experts / (parallel.tensor * parallel.expert)),
        }
    )
    for what, (held, promised) in checks.items():
        if abs(held - promised) > TOLERANCE * max(promised, 1):
            return (
                f"rank {shard.rank} holds {held:,} parameters of {what}, the spec promises {promised:,.0f}: "
                "DeepSpeed did not split this model as asked; " + _advice(facts, parallel)
            )
    return ""


def _advice(facts: ModelFacts, parallel: ParallelSpec) -> str:
    if facts.experts and parallel.tensor > 1:
        return f"write parallel: {{data: {parallel.tensor}, expert: {parallel.tensor}}}, or use engine kind vllm"
    return "use another layout, or engine kind vllm"
