"""`signalbox check`: the verdict as data, the tables, the exit status."""

from __future__ import annotations

import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from signalbox.cli import app
from signalbox.tables.check import check_fleet, render_check

EXAMPLES = sorted((PROJECT_ROOT / "examples").glob("*.yaml"))
LLAMA3_70B = "meta-llama/Meta-Llama-3-70B-Instruct"


def fleet(model=LLAMA3_70B, options=None, nodes=1, **pool):
    pool = {"tier": "large", "model": model, "engine": {"options": options or {}}, **pool}
    return FleetSpec.model_validate(
        {"pools": {"p": pool}, "hardware": {"h": {"device": "H100", "nodes": nodes, "devices_per_node": 8}}}
    )


def printed(spec):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(render_check(spec))
    return capture.get()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_fits_and_is_known_offline(path):
    spec = load_spec(path)
    check = check_fleet(spec)
    assert (check.problems, check.warnings) == ((), ())
    assert set(check.memory) == set(spec.pools)
    assert all(memory.sequences >= 1 for memory in check.memory.values())


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        (fleet(), ["pools.p: short by 64.", "raise parallel.tensor"]),
        (fleet(options={"kv_cache_memory_bytes": 1}, parallel={"tensor": 4}), ["kv_cache_memory_bytes: write another"]),
        (fleet(parallel={"tensor": 4}, replicas={"min": 3, "max": 4}), ["hardware.h: minimum replicas take 12", "8"]),
        (fleet(parallel={"tensor": 5}, placement="strict_pack"), ["pools.p.parallel.tensor: 64 attention heads"]),
        (
            fleet(parallel={"tensor": 16}, placement="strict_pack", nodes=2),
            ["pools.p.placement: strict_pack wants 16 devices in one node, a node has 8"],
        ),
        (
            fleet("org/x", parallel={"tensor": 5}, placement="strict_pack", nodes=3, replicas={"min": 4, "max": 4}),
            ["hardware.h: no room for the minimum replicas of p"],
        ),
    ],
)
def test_problems_name_the_field_and_what_to_write(spec, parts):
    check = check_fleet(spec)
    assert not check.ok
    for part in parts:
        assert any(part in problem for problem in check.problems), check.problems
    text = " ".join(printed(spec).split())
    assert "the fleet cannot run as written" in text
    assert all(" ".join(problem.split()) in text for problem in check.problems)


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        (fleet("nobody/nothing"), "nothing is known about 'nobody/nothing'"),
        (fleet(parallel={"tensor": 4}, replicas={"min": 1, "max": 3}), "maximum replicas would take 12"),
        (fleet(options={"quantization": "quark"}, parallel={"tensor": 4}), "'quark' are counted unquantised"),
    ],
)
def test_warnings_do_not_stop_a_fleet(spec, part):
    check = check_fleet(spec)
    assert check.ok
    assert any(part in warning for warning in check.warnings), check.warnings


def test_a_family_that_is_not_counted_exactly_is_an_estimate(tmp_path):
    config = (PROJECT_ROOT / "demo" / "models" / "large" / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace("LlamaForCausalLM", "OtherForCausalLM"))
    (warning,) = check_fleet(fleet(str(tmp_path))).warnings
    assert "OtherForCausalLM is counted like a Llama" in warning


def test_simulated_pools_have_no_memory_to_check():
    spec = FleetSpec.model_validate({"pools": {"p": {"tier": "small", "model": "x", "engine": {"kind": "simulated"}}}})
    assert check_fleet(spec).ok
    assert "not checked" in printed(spec)


def test_the_table_says_what_the_arithmetic_says():
    text = printed(load_spec(PROJECT_ROOT / "examples" / "a100.yaml"))
    for part in ("484,232", "43.5 GiB of 72.0 GiB", "TP2 EP2, strict_spread", "4 x A100-80G", "13 x 32,768"):
        assert part in text


def test_no_kv_cache_is_not_shown_as_a_negative_one():
    assert "-" not in printed(fleet()).split("KV cache")[1].split("\n")[0]


@pytest.mark.parametrize(("device", "status"), [("H200", 0), ("L4", 1), ("Q9", 2)])
def test_exit_status(tmp_path, device, status):
    path = tmp_path / "fleet.yaml"
    path.write_text(f"""
pools: {{p: {{tier: large, model: {LLAMA3_70B}, parallel: {{tensor: 4}}}}}}
hardware: {{h: {{device: {device}, devices_per_node: 4}}}}
""")
    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == status


def test_checking_imports_no_engine():
    code = (
        "import sys; from pathlib import Path; from cluster.loading import load_spec; "
        "from signalbox.tables.check import check_fleet; check_fleet(load_spec(Path('examples/laptop.yaml'))); "
        "print(sorted({'vllm', 'torch', 'ray', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
