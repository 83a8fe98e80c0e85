"""A tiny random checkpoint of every family the examples name loads in vLLM and answers, or its refusal is known."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from cluster.loading import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "tests" / "support" / "answer_families.py"
FAMILIES = ("mistral", "mixtral", "llama", "qwen2", "qwen3", "qwen3_moe", "deepseek_v2", "deepseek_v3")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def results():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=1700)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(lines[-1].removeprefix("RESULTS "))


@pytest.mark.parametrize("family", FAMILIES)
def test_family_answers(results, family):
    assert results[family] == {"tokens": 8}


def test_latent_attention_in_float32_is_refused_on_cpus_with_amx(results):
    # `signalbox check` refuses it on every CPU: whether a node has AMX is not known before a replica starts there.
    result = results["deepseek_v2 in float32"]
    if torch.cpu._is_amx_tile_supported():
        assert "expect weight to be bfloat16" in result["error"]
    else:
        assert result == {"tokens": 8}
