"""A rank that does not hold its promised share is found, whatever DeepSpeed said."""

from __future__ import annotations

import pytest

from cluster.facts import facts_of
from cluster.parallel import ParallelSpec
from deployments.engines.deepspeed.shards import Shard, shard_problem

LLAMA, MIXTRAL = facts_of("demo/models/large"), facts_of("demo/models/moe")
LLAMA_MATRICES = LLAMA.layers * (LLAMA.attention + LLAMA.mlp)
MIXTRAL_MATRICES = MIXTRAL.layers * (MIXTRAL.attention + MIXTRAL.mlp)
EXPERTS = MIXTRAL.layers * MIXTRAL.experts * MIXTRAL.expert


@pytest.mark.parametrize(
    ("shard", "facts", "parallel", "zero", "said"),
    [
        (Shard(0, LLAMA_MATRICES, 0, 0), LLAMA, {}, False, ""),
        (Shard(0, LLAMA_MATRICES // 2, 0, 0), LLAMA, {"tensor": 2}, False, ""),
        (Shard(1, LLAMA_MATRICES, 0, 0), LLAMA, {"tensor": 2}, False, "rank 1 holds"),
        (Shard(0, MIXTRAL_MATRICES, EXPERTS // 2, 0), MIXTRAL, {"data": 2, "expert": 2}, False, ""),
        (Shard(0, MIXTRAL_MATRICES, EXPERTS, 0), MIXTRAL, {"data": 2, "expert": 2}, False, "of experts"),
        (Shard(0, MIXTRAL_MATRICES // 2, EXPERTS, 0), MIXTRAL, {"tensor": 2}, False, "{data: 2, expert: 2}"),
        (Shard(0, 0, 0, LLAMA.parameters // 2), LLAMA, {"data": 2}, True, ""),
        (Shard(0, 0, 0, LLAMA.parameters), LLAMA, {"data": 2}, True, "of the model (ZeRO)"),
    ],
)  # fmt: skip
def test_shares(shard, facts, parallel, zero, said):
    problem = shard_problem(shard, facts, ParallelSpec.model_validate(parallel), zero)
    assert said in problem if said else problem == ""
