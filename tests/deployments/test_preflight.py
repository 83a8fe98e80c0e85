"""Whether a fleet can run: problems and warnings that name the field and what to change."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from deployments.model_checks import model_problems
from deployments.preflight import (
    check_fleet,
    escalation_problems,
    escalation_warnings,
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
        (fleet(), ["pools.p: short by 64.", ": parallel.tensor: 2 fits"]),
        (
            fleet(options={"kv_cache_memory_bytes": 1}, parallel={"tensor": 4}),
            ["requested by engine.options.kv_cache_memory_bytes): kv_cache_memory_bytes: 671,088,640 fits"],
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


def shared(*shares, cards=1, nodes=1):
    """A pool for each share of 80 GB cards."""
    model = {"tier": "small", "model": "Qwen/Qwen2.5-7B-Instruct", "engine": {"options": {"max_model_len": 8192}}}
    pools = {f"p{n}": model | {"served_name": f"m{n}", "gpu_fraction": share} for n, share in enumerate(shares)}
    hardware = {"card": {"device": "A100-80G", "devices_per_node": cards, "nodes": nodes}}
    return FleetSpec.model_validate({"pools": pools, "hardware": hardware})


def test_the_shares_of_a_device_are_held():
    assert check_fleet(shared(0.4, 0.5)) == replace(check_fleet(shared(0.4, 0.5)), problems=(), warnings=())
    assert check_fleet(shared(0.6, 0.6)).problems == (
        "hardware.card: minimum replicas need 2 devices (2 x 0.6 of a device), the nodes have 1: add nodes, or lower "
        "gpu_fraction or replicas.min",
    )
    assert "need 2 devices (0.6 + 0.5 of a device)" in check_fleet(shared(0.6, 0.5)).problems[0]
    (problem,) = check_fleet(shared(0.1)).problems
    assert problem == (
        "pools.p0: short by 9.6 GiB per device (14.2 weights, 2.2 runtime, 7.2 usable): gpu_fraction: 0.24 fits"
    )


def test_shares_that_may_take_the_devices_of_whole_replicas_are_noted():
    (note,) = check_fleet(shared(0.4, 0.5, 1.0, nodes=2)).warnings
    assert "shares may take a device each and leave none for whole replicas" in note
    assert check_fleet(shared(0.4, 0.5, 1.0, cards=2)).warnings == ()  # on one node, Ray fills a card first
    assert check_fleet(shared(0.4, 0.5, 1.0, nodes=3)).warnings == ()


def test_shares_that_fit_in_some_orders_only_are_noted():
    (note,) = check_fleet(shared(0.6, 0.4, 0.6, 0.4, cards=2)).warnings
    assert "fit if the largest start first, but not if the smallest do" in note
    assert check_fleet(shared(0.5, 0.5, 0.5, 0.5, cards=2)).warnings == ()


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        (fleet(parallel={"tensor": 4}, replicas={"min": 1, "max": 3}), "maximum replicas would need 12"),
        (fleet(options={"quantization": "quark"}, parallel={"tensor": 4}), "'quark' are counted unquantised"),
    ],
)
def test_warnings_do_not_stop_a_fleet(spec, part):
    check = check_fleet(spec)
    assert check.ok
    assert any(part in warning for warning in check.warnings), check.warnings


def test_a_pool_whose_model_or_draft_is_unknown_is_named_with_the_reason():
    unknown_draft = {"speculation": {"model": "nobody/draft"}, "parallel": {"tensor": 4}}
    for spec, model in ((fleet("nobody/nothing"), "nobody/nothing"), (fleet(**unknown_draft), "nobody/draft")):
        check = check_fleet(spec)
        assert check.ok
        assert check.memory == {}
        assert model in check.unchecked["p"]


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
    (problem,) = check_fleet(spec).problems
    assert model_problems(spec) == [problem]
    assert problem.startswith("pools.p.model: ")
    assert said in problem


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
