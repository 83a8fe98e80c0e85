"""Adapters by name, a draft model and a quantised checkpoint, written in a spec and asked through the gateway."""

from __future__ import annotations

import json
import time

import httpx
import pytest
import torch
from cpu_features import has_avx512
from fleet_process import ROOT, start_fleet, stop_fleet
from safetensors.torch import save_file

from demo.quantise import quantise

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SPEC = """
hardware:
  node: {{device: cpu, nodes: 1, devices_per_node: 3, memory_gib: 1.5}}
pools:
  small:
    tier: small
    model: demo/models/small
    adapters: {{mumbler: {adapter}}}
    engine: {{options: &tiny {{dtype: bfloat16, enforce_eager: true, max_model_len: 512, block_size: 32,
                              kv_cache_memory_bytes: 33554432, max_num_seqs: 16}}}}
  quantised:
    tier: moe
    model: {quantised}
    served_name: large-quantised
    engine: {{options: *tiny}}
  large:
    tier: large
    model: demo/models/large
    speculation: {{model: small, tokens: 4}}
    engine: {{options: *tiny}}
"""


def write_adapter(folder):
    """A LoRA adapter of the small model that nobody trained: it mumbles."""
    config = json.loads((ROOT / "demo/models/small/config.json").read_text())
    hidden, out, generator = (
        config["hidden_size"],
        config["num_attention_heads"] * config["head_dim"],
        torch.Generator(),
    )
    generator.manual_seed(0)
    tensors = {}
    for layer in range(config["num_hidden_layers"]):
        stem = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        tensors[f"{stem}.lora_A.weight"] = torch.randn(4, hidden, generator=generator)
        tensors[f"{stem}.lora_B.weight"] = torch.randn(out, 4, generator=generator)
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "r": 4, "lora_alpha": 16, "target_modules": ["q_proj"], "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(settings | {"task_type": "CAUSAL_LM"}))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fleet")
    write_adapter(folder / "mumbler")
    quantise("awq" if has_avx512() else "int8", ROOT / "demo/models/large", folder / "quantised")
    spec = folder / "fleet.yaml"
    spec.write_text(SPEC.format(adapter=folder / "mumbler", quantised=folder / "quantised"))
    running = start_fleet(spec, folder / "serve.log")
    yield running
    stop_fleet(running)


def answer(fleet, model):
    response = fleet.chat("What is 7 + 5?", model=model)
    assert response.status_code == 200
    return (
        response.headers["x-signalbox-pool"],
        response.json()["model"],
        response.json()["choices"][0]["message"]["content"],
    )


def test_an_adapter_is_asked_by_its_name_and_answers_otherwise_than_its_model(fleet):
    pool, model, text = answer(fleet, "mumbler")
    assert (pool, model) == ("small", "mumbler")
    assert text != answer(fleet, "small")[2]
    listed = {entry["id"]: entry for entry in httpx.get(f"{fleet.url}/v1/models").json()["data"]}
    assert listed["mumbler"]["parent"] == "demo/models/small"


@pytest.mark.parametrize("pool", ["quantised", "large"])
def test_quantised_and_speculating_pools_answer_right(fleet, pool):
    assert answer(fleet, pool)[2].endswith("12")


def test_accepted_guesses_are_in_the_metrics(fleet):
    answer(fleet, "large")
    deadline = time.monotonic() + 60  # Ray's nodes export every few seconds
    while not (accepted := accepted_tokens(fleet)) and time.monotonic() < deadline:
        time.sleep(1)
    assert accepted > 0


def accepted_tokens(fleet):
    lines = httpx.get(f"{fleet.url}/metrics").text.splitlines()
    wanted = "spec_decode_num_accepted_tokens_total"
    return sum(float(line.split()[-1]) for line in lines if wanted in line and not line.startswith("#"))
