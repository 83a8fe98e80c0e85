"""Every engine and layout of a model over ranks and nodes gives the same fp32 greedy tokens as vLLM in one process."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fleet_process import left_behind, shared_memory

from cluster.loading import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "tests" / "support" / "greedy_tokens.py"
PROMPTS, TOKENS = 24, 64

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SPEC = """
hardware:
  node: {{device: cpu, nodes: 2, devices_per_node: 2, memory_gib: 1.5}}
pools:
  pool:
    tier: large
    model: demo/models/{model}
    served_name: model
    parallel: {parallel}
    placement: {placement}
    engine:
      kind: {kind}
      options: {{dtype: float32, max_model_len: 512, max_num_seqs: 32, {options}}}
"""
VLLM = "enforce_eager: true, block_size: 32, kv_cache_memory_bytes: 33554432"


def run(model, parallel="{}", placement="pack", kind="vllm", options=""):
    """Tokens and ranks of one layout, from an engine on a cluster of its own."""
    done = start(model, parallel, placement, kind, options)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    result = json.loads(lines[-1].removeprefix("RESULT "))
    assert [len(tokens) for tokens in result["tokens"]] == [TOKENS] * PROMPTS
    return result


def start(model, parallel="{}", placement="pack", kind="vllm", options=""):
    """The ended process of one layout's run."""
    options = options or {"vllm": VLLM}.get(kind, "kv_budget_tokens: 16384")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(SPEC.format(model=model, parallel=parallel, placement=placement, kind=kind, options=options))
        command = [sys.executable, str(SCRIPT), str(path), "pool"]
        before = shared_memory()
        done = subprocess.run(command, capture_output=True, text=True, timeout=800)
    assert left_behind(before) == set()
    return done


@cache
def tokens_of_one_process(model):
    result = run(model)
    assert [rank["experts"] for rank in result["ranks"]] == [[]]
    return result["tokens"]


def nodes(result):
    return [rank["node_id"] for rank in result["ranks"]]


@pytest.mark.proof
def test_tensor_parallel_in_one_node():
    result = run("large", "{tensor: 2}", "strict_pack")
    assert result["tokens"] == tokens_of_one_process("large")
    assert nodes(result) == [result["node_id"]] * 2


def test_tensor_and_expert_parallel_over_two_nodes():
    result = run("moe", "{tensor: 2, expert: 2}", "strict_spread")
    assert result["tokens"] == tokens_of_one_process("moe")
    assert len(set(nodes(result))) == 2
    assert [rank["experts"] for rank in result["ranks"]] == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.proof
def test_data_and_expert_parallel_in_one_node():
    result = run("moe", "{data: 2, expert: 2}", "strict_pack")
    assert result["tokens"] == tokens_of_one_process("moe")
    assert [rank["experts"] for rank in result["ranks"]] == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.proof
def test_pipeline_stages_on_two_nodes():
    result = run("large", "{pipeline: 2}", "strict_spread")
    assert result["tokens"] == tokens_of_one_process("large")
    assert len(set(nodes(result))) == 2


@pytest.mark.proof
def test_tensor_pipeline_and_expert_parallel_on_two_nodes():
    result = run("moe", "{tensor: 2, pipeline: 2, expert: 2}", "pack")
    assert result["tokens"] == tokens_of_one_process("moe")
    assert len(set(nodes(result))) == 2
    assert [rank["experts"] for rank in result["ranks"]] == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2


@pytest.mark.parametrize(
    "model", ["small", *(pytest.param(name, marks=pytest.mark.proof) for name in ("moe", "large"))]
)
def test_transformers(model):
    assert run(model, kind="transformers")["tokens"] == tokens_of_one_process(model)


def test_deepspeed_tensor_parallel_over_two_nodes():
    result = run("large", "{tensor: 2}", "strict_spread", kind="deepspeed")
    assert result["tokens"] == tokens_of_one_process("large")
    assert len(set(nodes(result))) == 2


@pytest.mark.proof
def test_deepspeed_expert_parallel_over_two_nodes():
    result = run("moe", "{data: 2, expert: 2}", "strict_spread", kind="deepspeed")
    assert result["tokens"] == tokens_of_one_process("moe")
    assert len(set(nodes(result))) == 2
    assert [rank["experts"] for rank in result["ranks"]] == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.proof
def test_deepspeed_zero_spreads_a_model_over_two_ranks_and_offloads_it():
    options = "kv_budget_tokens: 16384, zero_offload: cpu"
    result = run("large", "{data: 2}", "strict_pack", kind="deepspeed", options=options)
    assert result["tokens"] == tokens_of_one_process("large")


def test_deepspeed_that_leaves_experts_whole_does_not_start():
    done = start("moe", "{tensor: 2}", "strict_pack", kind="deepspeed")
    assert "RESULT " not in done.stdout
    assert "parameters of experts, the spec requires" in done.stderr
    assert "use parallel: {data: 2, expert: 2}" in done.stderr
