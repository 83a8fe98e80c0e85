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
    for said in ("70.6 B parameters", "141.1 GB in bf16", "320 KiB", "2 (TP2)", "4 x A100-80G, bf16, engine vllm"):
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
        (("nobody/knows",), "fetch them with --online, or download its config.json"),
        ((LLAMA, "--gpu", "h100"), "did you mean 'H100'"),
        ((LLAMA, "--gpu", "B100"), "use one of cpu, apple; NVIDIA T4, "),
        ((LLAMA, "--qps", "1", "--prompt", "8000", "--answer", "500"), "8500 tokens exceed the context of 8192"),
        ((LLAMA, "--context", "9999"), "exceeds the model's context length (8192 tokens)"),
    ],
)
def test_bad_input_says_what_to_write(arguments, said):
    done = plan(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_rate_of_requests_says_replicas_devices_and_what_bounds_them():
    done = plan(LLAMA, "--gpu", "H100", "--qps", "20", "--prompt", "1000", "--answer", "200", "--price", "3")
    text = " ".join(done.output.split())
    data = json.loads(
        plan(LLAMA, "--gpu", "H100", "--qps", "20", "--prompt", "1000", "--answer", "200", "--json").output
    )
    (advice,) = data["advice"]
    serving, size = advice["serving"], advice["layout"]["devices"]
    assert serving["devices"] == serving["replicas"] * size
    assert serving["replicas"] * serving["requests_per_s"] >= 20 > (serving["replicas"] - 1) * serving["requests_per_s"]
    assert (
        f"{serving['replicas']} replicas x {size} = {serving['devices']} H100, {3 * serving['devices']:.2f} per hour"
        in text
    )
    assert "50% of what" in text
    assert "users at once; at least" in text


def test_more_users_need_more_devices_and_longer_answers_too():
    def devices(*options):
        return json.loads(plan(LLAMA, "--gpu", "H100", "--json", *options).output)["advice"][0]["serving"]["devices"]

    assert devices("--qps", "1") < devices("--qps", "50") < devices("--qps", "50", "--answer", "2000")


def test_columns_are_titled_in_plain_words():
    text = " ".join(plan(LLAMA, "--gpu", "H100").output.split())
    for word in ("device-hours", "million", "sequences", "tokens"):
        assert word in text


def test_small_models_are_not_rounded_to_nothing():
    output = plan("demo/models/large", "--gpu", "L4").output
    assert " 0.0 " not in output
    assert " M parameters" in output
