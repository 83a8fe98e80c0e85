"""What `signalbox check` prints."""

from __future__ import annotations

import pytest
from rich.console import Console

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from deployments.preflight import check_fleet
from signalbox.tables.check import render_check


def fleet(**pool):
    pool = {"tier": "large", "model": "meta-llama/Meta-Llama-3-70B-Instruct", **pool}
    return FleetSpec.model_validate({"pools": {"p": pool}, "hardware": {"h": {"device": "H100", "nodes": 1}}})


def printed(spec):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(render_check(spec, check_fleet(spec)))
    return capture.get()


@pytest.mark.parametrize(
    "spec", [fleet(), fleet(parallel={"tensor": 5}, placement="strict_pack"), fleet(replicas={"min": 30, "max": 40})]
)
def test_every_problem_is_printed_with_a_verdict(spec):
    text = " ".join(printed(spec).split())
    problems = check_fleet(spec).problems
    assert problems
    assert all(" ".join(problem.split()) in text for problem in problems)
    assert "the fleet cannot run as written" in text


def test_simulated_pools_have_no_memory_to_check():
    spec = FleetSpec.model_validate({"pools": {"p": {"tier": "small", "model": "x", "engine": {"kind": "simulated"}}}})
    assert check_fleet(spec).ok
    assert "none here" in printed(spec)
    assert "not checked" not in printed(spec)


@pytest.mark.parametrize(
    ("models", "verdict"),
    [
        (("org/x",), "1 of 1 pools not checked: p0"),
        (("org/x", "Qwen/Qwen3-8B"), "1 of 2 pools not checked: p0, the rest fits"),
        (("org/x", "org/y"), "2 of 2 pools not checked: p0, p1"),
    ],
)
def test_what_is_not_checked_is_counted_and_never_said_to_fit(models, verdict):
    pools = {f"p{n}": {"tier": "large", "model": model} for n, model in enumerate(models)}
    spec = FleetSpec.model_validate({"pools": pools, "hardware": {"h": {"device": "H100", "devices_per_node": 2}}})
    text = printed(spec)
    assert text.splitlines()[-1] == verdict
    assert "not checked  pools.p0: no built-in facts for 'org/x'" in text
    assert "the fleet fits" not in text


def test_the_table_says_what_the_arithmetic_says():
    text = printed(load_spec(PROJECT_ROOT / "examples" / "a100.yaml"))
    for part in ("484,232", "43.5 GiB of 72.0 GiB", "TP2 EP2, strict_spread", "4 x A100-80G", "13 x 32,768"):
        assert part in text


def test_no_kv_cache_is_not_shown_as_a_negative_one():
    assert "-" not in printed(fleet()).split("KV cache")[1].split("\n")[0]


@pytest.mark.parametrize(
    ("routing", "shown"),
    [({}, "0.80 (MMLU-Pro 56%)"), ({"ladder": {"large": 1.5}}, "1.50 (routing.ladder)"), ({"artifact": "rules"}, "")],
)
def test_the_table_says_where_a_step_of_the_ladder_is_from(routing, shown):
    spec = FleetSpec.model_validate(fleet().model_dump(mode="json") | {"routing": routing})
    row = next(line for line in printed(spec).splitlines() if "ladder" in line)
    assert row.split("│")[2].strip() == shown
