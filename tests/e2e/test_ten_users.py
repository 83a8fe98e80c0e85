"""Ten people with different hardware: a short spec, `check`, and then manifests or the reason why not here.

The others of this kind need processes: a running Ray cluster is in test_attached_fleet.py, a remote server that is down
in test_serve_lifecycle.py, a laptop in all tests with a fleet.
"""

from __future__ import annotations

import json
import subprocess

import pytest
from fleet_process import ROOT, SIGNALBOX
from typer.testing import CliRunner

from deployments.hardware.machine import FoundGpu, Machine
from deployments.hardware.starter_text import starter_spec
from signalbox.cli import app

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def init(count, ray_type, memory_gib):
    """What `signalbox init` writes on a machine with these GPUs."""
    gpus = tuple(FoundGpu(str(index), ray_type, memory_gib) for index in range(count))
    return starter_spec(Machine(gpus, "CUDA_VISIBLE_DEVICES", 64, 512.0))


AMD_IMAGE = """
kubernetes: {hardware: {mi300x: {image: registry.example.com/signalbox-rocm:1}}}
"""
OPENAI_AND_OLLAMA = """
pools:
  small: {tier: small, model: llama3.2, engine: {kind: remote, options: {base_url: "http://127.0.0.1:11434/v1"}}}
  large: {tier: large, model: gpt-4o, engine: {kind: remote, options: {base_url: "https://api.openai.com/v1"}}}
hardware: {cpu: {device: cpu}}
"""
OWN_MODEL = """
hardware: {card: {device: L40S, nodes: 2}}
pools:
  small: {tier: small, model: /models/our-llama, replicas: {min: 1, max: 2}}
kubernetes: {weights: {claim: our-models, mount: /models}}
"""
LORA = """
hardware: {card: {device: A10G}}
pools:
  small:
    tier: small
    model: meta-llama/Llama-3.1-8B-Instruct
    adapters: {formal: /models/formal, brief: /models/brief}
    engine: {options: {max_model_len: 8192, quantization: fp8}}
kubernetes: {weights: {claim: our-models, mount: /models}}
"""
MIXED = """
hardware: {l4: {device: L4, nodes: 2}, h100: {device: H100, devices_per_node: 4}}
pools:
  small: {tier: small, model: Qwen/Qwen3-8B, hardware: l4, engine: {options: {max_model_len: 8192, quantization: fp8}}}
  large:
    tier: large
    model: meta-llama/Llama-3.3-70B-Instruct
    hardware: h100
    parallel: {tensor: 4}
    engine: {options: {max_model_len: 16384}}
"""
SPECS = {
    "one 24 GB card": lambda: init(1, "GeForce-RTX-4090", 24.0),
    "8 x H100": lambda: init(8, "H100", 79.6),
    "4 x L4": lambda: init(4, "L4", 22.5),
    "MI300X": lambda: init(8, "AMD-Instinct-MI300X-OAM", 192.0) + AMD_IMAGE,
    "OpenAI and Ollama": lambda: OPENAI_AND_OLLAMA,
    "own model on a volume": lambda: OWN_MODEL,
    "LoRA": lambda: LORA,
    "mixed GPUs": lambda: MIXED,
}


def run(*words):
    return CliRunner().invoke(app, list(words))


@pytest.fixture(params=SPECS)
def spec(request, tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(SPECS[request.param]())
    return path


def test_a_short_spec_is_checked_and_rendered(spec, tmp_path):
    checked = run("check", str(spec))
    assert checked.exit_code == 0, checked.output
    rendered = run("render", str(spec), "-o", str(tmp_path / "manifests"), "--check")
    assert rendered.exit_code == 0, rendered.output


def test_a_machine_without_the_card_says_what_to_write(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(SPECS["one 24 GB card"]())
    served = subprocess.run([*SIGNALBOX, "serve", str(path)], capture_output=True, text=True, cwd=ROOT)
    assert served.returncode == 1, served.stdout
    assert "RTX-4090 with 24 GiB is asked for, this machine has no GPU" in served.stderr


def test_an_accelerator_without_an_image_is_refused(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(init(8, "AMD-Instinct-MI300X-OAM", 192.0))
    rendered = run("render", str(path), "-o", str(tmp_path / "manifests"))
    assert rendered.exit_code != 0
    assert "kubernetes.hardware.mi300x.image: is missing" in rendered.output.replace("\n", " ")


@pytest.mark.parametrize(("gpu", "model"), [("RTX-4090", "Qwen/Qwen3-8B"), ("MI300X", "Qwen/Qwen3-30B-A3B")])
def test_a_plan_names_devices_for_a_rate(gpu, model):
    planned = run("plan", model, "--gpu", gpu, "--qps", "2", "--prompt", "500", "--answer", "200", "--json")
    assert planned.exit_code == 0, planned.output
    assert json.loads(planned.stdout)
