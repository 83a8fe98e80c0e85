"""Whether a fleet can run: problems and warnings that name the field and what to change."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from deployments.preflight import (
    check_fleet,
    escalation_problems,
    escalation_warnings,
    model_problems,
    weights_problems,
)

EXAMPLES = sorted((PROJECT_ROOT / "examples").glob("*.yaml"))
LLAMA3_70B = "meta-llama/Meta-Llama-3-70B-Instruct"


def fleet(model=LLAMA3_70B, options=None, nodes=1, **pool):
    pool = {"tier": "large", "model": model, "engine": {"options": options or {}}, **pool}
    return FleetSpec.model_validate(
        {"pools": {"p": pool}, "hardware": {"h": {"device": "H100", "nodes": nodes, "devices_per_node": 8}}}
    )


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
        (
            fleet(options={"kv_cache_memory_bytes": 1}, parallel={"tensor": 4}),
            ["requested by engine.options.kv_cache_memory_bytes): lower that size"],
        ),
        (fleet(parallel={"tensor": 4}, replicas={"min": 3, "max": 4}), ["hardware.h: minimum replicas need 12", "8"]),
        (fleet(parallel={"tensor": 5}, placement="strict_pack"), ["pools.p.parallel.tensor: 64 attention heads"]),
        (
            fleet(parallel={"tensor": 16}, placement="strict_pack", nodes=2),
            ["pools.p.placement: strict_pack needs 16 devices in one node, a node has 8"],
        ),
        (
            fleet("org/x", parallel={"tensor": 5}, placement="strict_pack", nodes=3, replicas={"min": 4, "max": 4}),
            ["hardware.h: no room for the minimum replicas of p"],
        ),
    ],
)
def test_problems_name_the_field_and_what_to_change(spec, parts):
    check = check_fleet(spec)
    assert not check.ok
    for part in parts:
        assert any(part in problem for problem in check.problems), check.problems


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        (fleet("nobody/nothing"), "'nobody/nothing'"),
        (fleet(parallel={"tensor": 4}, replicas={"min": 1, "max": 3}), "maximum replicas would need 12"),
        (fleet(options={"quantization": "quark"}, parallel={"tensor": 4}), "'quark' are counted unquantised"),
    ],
)
def test_warnings_do_not_stop_a_fleet(spec, part):
    check = check_fleet(spec)
    assert check.ok
    assert any(part in warning for warning in check.warnings), check.warnings


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "has no config.json"),
        ("{}", "names no architecture"),
        ("[1]", "names no architecture"),
        ('{"architectures": ', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_folder_that_no_engine_can_load_is_a_problem(config, said, tmp_path):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    spec = fleet(str(tmp_path))
    assert check_fleet(spec).problems == tuple(model_problems(spec))
    (problem,) = model_problems(spec)
    assert problem.startswith("pools.p.model: ")
    assert said in problem


@pytest.mark.parametrize("text", ['{"model_type": "new"}', '{"architectures": ["New"], "text_config": {}}'])
def test_a_model_that_is_new_to_us_is_left_to_its_engine(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    assert model_problems(fleet(str(tmp_path))) == []
    assert model_problems(fleet("nobody/nothing")) == []


def test_a_folder_without_weights_is_a_problem_before_a_start(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "new"}')
    (problem,) = weights_problems(fleet(str(tmp_path)))
    assert problem.startswith(f"pools.p.model: {tmp_path} has no weights: run `make chat-models`")
    assert weights_problems(fleet(str(tmp_path), {"load_format": "dummy"})) == []
    assert weights_problems(fleet("nobody/nothing")) == []
    (tmp_path / "model.safetensors").touch()
    assert weights_problems(fleet(str(tmp_path))) == []


def test_a_family_that_is_not_counted_exactly_is_an_estimate(tmp_path):
    config = (PROJECT_ROOT / "demo" / "models" / "large" / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace("LlamaForCausalLM", "OtherForCausalLM"))
    (warning,) = check_fleet(fleet(str(tmp_path))).warnings
    assert "OtherForCausalLM is counted like a Llama" in warning


def test_checking_imports_no_engine():
    code = (
        "import sys; from pathlib import Path; from cluster.loading import load_spec; "
        "from deployments.preflight import check_fleet; check_fleet(load_spec(Path('examples/laptop.yaml'))); "
        "print(sorted({'vllm', 'torch', 'ray', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- escalation ------------------------------------------------------------------------------------------------------


def escalating(escalation, kinds=("vllm", "vllm", "vllm"), tiers=("small", "moe", "large")):
    pools = {
        tier: {"tier": tier, "model": f"org/{tier}", "engine": {"kind": kind, "options": options(kind)}}
        for tier, kind in zip(tiers, kinds, strict=False)
    }
    return FleetSpec.model_validate({"pools": pools, "routing": {"escalation": escalation}})


def options(kind):
    return {"base_url": "http://remote/v1"} if kind == "remote" else {}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (escalating(None, ("remote",) * 3), []),
        (escalating({}), []),
        (escalating({}, ("remote", "vllm", "vllm")), ["pools.small"]),
        (escalating({}, ("vllm", "vllm", "remote")), []),
        (escalating({"from_tiers": ["moe"]}, ("remote", "vllm", "vllm")), []),
        (escalating({}, ("remote",), ("small",)), []),
        (escalating({"kind": "agreement"}, ("remote", "remote", "remote")), []),
        (escalating({"kind": "agreement"}, tiers=("small", "large")), ["routing.escalation.kind"]),
    ],
)
def test_answers_that_are_never_judged_are_warned_about(spec, said):
    found = list(escalation_warnings(spec))
    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))
    assert not escalation_problems(spec)


def test_coefficients_that_cannot_be_used_are_a_problem(tmp_path):
    spec = escalating({"model": str(tmp_path / "none.json")})
    assert any("routing.escalation.model" in problem for problem in check_fleet(spec).problems)
