"""`signalbox plan` as a user runs it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from signalbox.cli import app

LLAMA = "meta-llama/Meta-Llama-3-70B-Instruct"


def plan(*arguments):
    return CliRunner().invoke(app, ["plan", *arguments])


def test_the_plan_says_size_layout_cost_and_reasons():
    done = plan(LLAMA, "--gpu", "A100-80G", "--price", "2")
    assert done.exit_code == 0
    for said in ("70.6 B parameters", "bf16 141.1 GB", "320 KiB", "2 (TP2)", "4 x A100-80G, bf16, engine vllm"):
        assert said in done.output


def test_json_has_the_same_for_every_device_type():
    data = json.loads(plan(LLAMA, "--json").output)
    assert {row["gpu"] for row in data["advice"]} > {"L4", "H100", "MI300X", "cpu", "apple"}
    assert data["weights_gb"]["bf16"] == pytest.approx(141.1, abs=0.1)
    row = next(r for r in data["layouts"] if (r["gpu"], r["precision"]) == ("A100-80G", "bf16"))
    assert (row["devices"], row["least_cost_per_mtok"]) == (2, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody/knows",), "download its config.json and use the folder's path"),
        ((LLAMA, "--gpu", "h100"), "did you mean 'H100'"),
        ((LLAMA, "--gpu", "B100"), "use one of cpu, apple; NVIDIA T4, "),
        ((LLAMA, "--context", "9999"), "exceeds the model's context length (8192 tokens)"),
    ],
)
def test_bad_input_says_what_to_write(arguments, said):
    done = plan(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
