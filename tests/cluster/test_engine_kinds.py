"""One row per engine kind is all that other code knows of engines."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from cluster.engine_kinds import ENGINE_KINDS, EngineKind
from cluster.loading import PROJECT_ROOT

COMPARES = re.compile(r"engine\.kind\s*(==|!=|in\b|not in\b)")
ROOMS = ("cluster", "router", "autoscaling", "simulation", "deployments", "signalbox", "k8s", "training", "benchmarks")


def test_every_kind_that_a_spec_may_name_has_a_row():
    assert get_args(EngineKind) == tuple(ENGINE_KINDS)


@pytest.mark.parametrize("kind", ENGINE_KINDS)
def test_the_class_of_a_row_is_there(kind):
    module, name = ENGINE_KINDS[kind].engine.split(":")
    assert f"class {name}" in (PROJECT_ROOT / f"{module.replace('.', '/')}.py").read_text()


def test_no_other_code_compares_kinds():
    files = [path for room in ROOMS for path in (PROJECT_ROOT / room).rglob("*.py")]
    assert len(files) > 200
    assert [path for path in files if COMPARES.search(path.read_text())] == []
