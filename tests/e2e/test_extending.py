"""The recipes of docs/extending.md, followed: every code block runs, and what it makes is used."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import textwrap
import types

import pytest
import typer
from typer.testing import CliRunner

from autoscaling.types import PoolSignals
from cluster.engine_kinds import ENGINE_KINDS
from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from deployments.engines.base import make_engine, warm_up
from deployments.metrics.definition import definitions
from deployments.wire.frames import Chunk, EngineRequest
from router.decide import Router
from router.quality import RuleQuality
from router.types import RoutingRequest
from router.weighing import SCORERS
from simulation import policies
from simulation.baselines.knowledge import NO_KNOWLEDGE
from simulation.policies import make_policy

PAGE = (PROJECT_ROOT / "docs" / "extending.md").read_text()
SPEC = FleetSpec.model_validate(
    {
        "pools": {
            "small": {"tier": "small", "model": "org/small", "engine": {"kind": "simulated"}},
            "large": {"tier": "large", "model": "org/large", "engine": {"kind": "vllm"}},
        }
    }
)


def followed(heading: str) -> dict[str, object]:
    """The names that a recipe's code blocks define."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^( *)```py\n(.*?)^ *```", section, re.M | re.S)
    module = types.ModuleType("recipe")
    assert found, heading
    for _, source in found:
        exec(compile(textwrap.dedent(source), heading, "exec"), module.__dict__)
    return module.__dict__


def test_the_engine_answers_through_its_row(monkeypatch):
    names = followed("Add an engine")
    module = types.ModuleType("deployments.engines.echo")
    module.EchoEngine = names["EchoEngine"]
    monkeypatch.setitem(sys.modules, "deployments.engines.echo", module)
    monkeypatch.setitem(ENGINE_KINDS, "simulated", names["ECHO"])
    engine = make_engine(SPEC, "small")

    async def run():
        await engine.start()
        await warm_up(engine, "org/small")
        request = EngineRequest("completion", {"prompt": "hello"}, "r")
        return [frame async for frame in engine.generate(request)]

    (chunk,) = [frame for frame in asyncio.run(run()) if isinstance(frame, Chunk)]
    assert json.loads(chunk.data)["choices"][0]["text"] == "hello"
    assert SPEC.pools["small"].engine.traits.text_only


def test_the_scorer_adds_to_the_utility(monkeypatch):
    router, request = Router(SPEC, RuleQuality()), RoutingRequest("What is 7 + 5?")
    before = router.decide(request, None, 0.0).appraisals
    monkeypatch.setitem(SCORERS, "judged", followed("Add a scorer")["judged"])
    after = router.decide(request, None, 0.0).appraisals
    assert after["large"].utility == pytest.approx(before["large"].utility + 0.01)
    assert after["small"].utility == before["small"].utility


def test_the_policy_decides_within_bounds(monkeypatch):
    monkeypatch.setitem(policies.POLICIES, "two", followed("Add a scaling policy")["two"])
    policy = make_policy("two", SPEC, {}, NO_KNOWLEDGE)
    decisions = policy.decide({pool: PoolSignals(pool, 1) for pool in SPEC.pools}, 0.0)
    assert {pool: one.desired for pool, one in decisions.items()} == {
        name: min(max(2, pool.replicas.min), pool.replicas.max) for name, pool in SPEC.pools.items()
    }


def test_the_metric_is_defined_with_its_text():
    (one,) = definitions([followed("Add a metric")["ExampleMetrics"]])
    assert one.exposed == "ray_signalbox_greetings_total"
    assert one.labels == {"pool": "a pool of the spec"}


def test_the_command_runs():
    app = typer.Typer()
    app.command()(followed("Add a command")["tiers"])
    result = CliRunner().invoke(app, [str(PROJECT_ROOT / "examples" / "laptop.yaml")])
    assert result.exit_code == 0
    assert "small: small" in result.output
