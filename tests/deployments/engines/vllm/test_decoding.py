"""Speculative decoding changes no answer, smaller weights hardly any, and what CPU cannot do fails as `check` says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cpu_features import needs_avx512

from cluster.loading import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "tests" / "support" / "task_accuracy.py"
POINTS = 0.03

pytestmark = [pytest.mark.slow, pytest.mark.proof, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    command = [sys.executable, str(SCRIPT), str(tmp_path_factory.mktemp("quantised"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=850)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    return json.loads(lines[-1].removeprefix("RESULTS "))


@pytest.mark.parametrize("guess", ["draft", "ngram"])
def test_speculation_gives_the_tokens_of_plain_greedy_decoding(results, guess):
    assert results[guess]["tokens"] == results["plain"]["tokens"]
    assert 0 < results[guess]["accepted"] <= results[guess]["guessed"]


def test_the_small_models_guesses_are_mostly_accepted(results):
    assert results["draft"]["accepted"] > 0.5 * results["draft"]["guessed"]


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param("awq", marks=needs_avx512),
        pytest.param("gptq", marks=needs_avx512),
        "int8",
        pytest.param("fp8 KV cache", marks=needs_avx512),
        "online int8",
    ],
)
def test_smaller_numbers_keep_the_accuracy(results, variant):
    assert results["bfloat16"]["accuracy"] > 0.9
    assert results[variant]["accuracy"] >= results["bfloat16"]["accuracy"] - POINTS


@pytest.mark.parametrize("variant", ["bitsandbytes", "online fp8", "online mxfp8", "sleep mode"])
def test_what_check_refuses_on_cpu_does_not_start(results, variant):
    # When one of these fails, its line in cluster/cpu_limits.py may go.
    assert results[variant]["error"]
