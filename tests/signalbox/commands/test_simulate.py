"""`signalbox simulate`: JSON, tables and plots; whatever is wrong ends with 2 and says what to write."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cluster.loading import PROJECT_ROOT
from signalbox.cli import app

KEYS = {
    "slo_attainment", "goodput_rps", "ttft_p50_s", "ttft_p99_s", "tpot_p50_s", "tpot_p99_s", "device_hours", "cost",
    "scale_events", "requests", "shed",
}  # fmt: skip
SPEC = """
hardware: {cpu: {devices_per_node: 8}}
pools:
  small: {tier: small, model: a, replicas: {min: 1, max: 6}, engine: {kind: simulated}}
  large: {tier: large, model: b, engine: {kind: simulated, options: {decode_tokens_per_s: 40}}}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def trace(tmp_path):
    rows = [f"2023-11-16 18:{15 + i // 60}:{i % 60:02}.5000000,{200 + i},{40 + i % 30}" for i in range(300)]
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]))
    return path


def simulate(*arguments):
    return CliRunner().invoke(app, ["simulate", *map(str, arguments)])


def test_json_has_the_promised_keys_and_is_the_same_again(spec, trace):
    first, again = (simulate(spec, "--trace", trace, "--seed", "7", "--json") for _ in range(2))
    assert first.exit_code == 0, first.stderr
    data = json.loads(first.stdout)
    assert data.keys() >= KEYS
    assert data["requests"] == 300
    assert first.stdout == again.stdout
    assert "300 requests in 5.0 minutes" in first.stderr


def test_all_policies_by_name(spec, trace):
    result = simulate(spec, "--trace", trace, "--policy", "all", "--minutes", "1", "--json")
    data = json.loads(result.stdout)
    assert {"signalbox", "oracle", "static-peak", "static-mean", "keda"} <= data.keys()
    assert all(each.keys() >= KEYS for each in data.values())
    assert {each["requests"] for each in data.values()} == {60}


def test_scale_bursts_and_windows_change_what_arrives(spec, trace):
    def requests(*options):
        result = simulate(spec, "--trace", trace, "--policy", "static-mean", "--json", *options)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)["requests"]

    assert requests("--start", "1", "--minutes", "2") == 120
    assert requests("--scale", "3") == 900
    assert requests("--bursts", "--seed", "3") > 300
    assert requests("--lead-in-minutes", "0") == 300


def test_tables_and_a_plot_that_needs_no_network(spec, trace, tmp_path):
    plot = tmp_path / "course.html"
    result = simulate(spec, "--trace", trace, "--policy", "keda", "--set", "threshold=3", "--plot", plot)
    assert result.exit_code == 0, result.stderr
    assert "keda" in result.stdout
    assert "most replicas" in result.stdout
    html = plot.read_text()
    assert "KV cache usage" in html
    assert "<script src=" not in html


def test_queries_come_from_an_outcome_file(spec, trace, tmp_path):
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"query": "7 + 5?", "group": "a", "quality": {"small": 1.0}}\n')
    assert simulate(spec, "--trace", trace, "--queries", queries, "--json").exit_code == 0
    queries.write_text("{")
    broken = simulate(spec, "--trace", trace, "--queries", queries, "--json")
    assert broken.exit_code == 2
    assert "queries.jsonl:1" in broken.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--policy", "signalbocks"], "--policy: invalid value 'signalbocks', did you mean 'signalbox'?"),
        (["--policy", "all", "--set", "a=1"], "--set: applies to one policy"),
        (["--policy", "keda", "--set", "a"], "--set: invalid value 'a', use NAME=NUMBER"),
        (["--policy", "keda", "--set", "nonsense=1"], "nonsense"),
        (["--policy", "signalbox", "--set", "a=1"], "takes no parameters"),
        (["--scale", "0"], "--scale: invalid value 0, use a number > 0"),
        (["--scale", "nan"], "--scale: invalid value nan"),
        (["--scale", "1e9"], "--scale: makes 3e+11 requests, use a smaller number"),
        (["--minutes", "-1"], "--minutes: invalid value -1, use a number > 0"),
        (["--start", "60"], "no request of"),
        (["--cold-start-s", "soon"], "--cold-start-s: invalid value 'soon', use seconds such as 120, or 60-180"),
        (["--cold-start-s", "180-60"], "--cold-start-s: invalid value '180-60'"),
        (["--plot", "no/such/folder/plot.html"], "--plot: there is no folder no/such/folder"),
        (["--queries", "nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
    ],
)
def test_wrong_options(spec, trace, options, said):
    result = simulate(spec, "--trace", trace, *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_wrong_files(spec, trace, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_text(trace.read_text() + "\nsoon,1,2")
    problem = "broken.csv:302: TIMESTAMP: invalid value 'soon'"
    for wrong, said in ((broken, problem), (tmp_path / "none", "cannot be read")):
        result = simulate(spec, "--trace", wrong)
        assert result.exit_code == 2
        assert said in result.stderr
    assert simulate(tmp_path / "none.yaml", "--trace", trace).exit_code == 2


def test_a_fleet_without_room(tmp_path, trace):
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("devices_per_node: 8", "devices_per_node: 1"))
    result = simulate(path, "--trace", trace)
    assert result.exit_code == 2
    assert "hardware.cpu: has 1 devices, but the minimum replicas of small, large need 2" in result.stderr


@pytest.mark.parametrize("example", ["simulation.yaml", "h100.yaml"])
def test_examples_are_simulated(example, trace):
    result = simulate(PROJECT_ROOT / "examples" / example, "--trace", trace, "--minutes", "2", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["slo_attainment"] > 0.5
