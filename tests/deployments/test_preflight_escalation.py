"""`signalbox check` on second opinions."""

from __future__ import annotations

import pytest

from cluster.spec import FleetSpec
from signalbox.check_escalation import escalation_problems, escalation_warnings
from signalbox.tables.check import check_fleet


def fleet(escalation, kinds=("vllm", "vllm", "vllm"), tiers=("small", "moe", "large")):
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
        (fleet(None, ("remote",) * 3), []),
        (fleet({}), []),
        (fleet({}, ("remote", "vllm", "vllm")), ["pools.small"]),
        (fleet({}, ("vllm", "vllm", "remote")), []),
        (fleet({"from_tiers": ["moe"]}, ("remote", "vllm", "vllm")), []),
        (fleet({}, ("remote",), ("small",)), []),
        (fleet({"kind": "agreement"}, ("remote", "remote", "remote")), []),
        (fleet({"kind": "agreement"}, tiers=("small", "large")), ["routing.escalation.kind"]),
    ],
)
def test_warnings(spec, said):
    found = list(escalation_warnings(spec))
    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))
    assert not list(escalation_problems(spec))


def test_coefficients_that_cannot_be_used_are_a_problem(tmp_path):
    spec = fleet({"model": str(tmp_path / "none.json")})
    assert any("routing.escalation.model" in problem for problem in check_fleet(spec).problems)
