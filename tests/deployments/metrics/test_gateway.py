"""Every metric: named once, counted somewhere in the way that its kind says, and with few values to its labels."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from cluster.loading import PROJECT_ROOT
from deployments.metrics.definition import Metric
from deployments.metrics.gateway import SECTIONS, TABLE, GatewayMetrics
from deployments.metrics.rejections import BY_CODE, REASONS, rejection_reason

SOURCES = {path: path.read_text() for path in (PROJECT_ROOT / "deployments").rglob("*.py")}
WAYS = {"counter": "inc", "gauge": "set", "histogram": "observe"}
ATTRIBUTES = [(name, each) for cls in SECTIONS for name, each in vars(cls).items() if isinstance(each, Metric)]


def test_names_are_ours_and_each_stands_once():
    named = Counter(name for text in SOURCES.values() for name in re.findall(r'"(signalbox_\w+)",$', text, re.M))
    assert named == Counter(one.name for one in TABLE)
    assert set(named.values()) == {1}


@pytest.mark.parametrize(("attribute", "metric"), ATTRIBUTES)
def test_each_is_counted_somewhere_as_its_kind_is(attribute, metric):
    ways = {way for text in SOURCES.values() for way in re.findall(rf"metrics\.{attribute}\.(inc|set|observe)\(", text)}
    assert ways == {WAYS[metric.definition.kind]}


@pytest.mark.parametrize("one", TABLE, ids=lambda one: one.name)
def test_names_follow_prometheus_and_texts_say_what_to_do(one):
    assert re.fullmatch(r"signalbox_[a-z][a-z0-9_]+", one.name)
    assert not one.name.endswith(("_total", "_bucket", "_sum", "_count")), "added by Ray"
    if one.unit == "seconds":
        assert one.name.endswith("_seconds")
    assert one.meaning.endswith(".")
    assert one.moves.endswith(".")
    assert all(one.labels.values())


def test_what_a_gateway_exports_has_attributes_of_its_own():
    """Sections are joined by inheritance: a name in two of them would hide one."""
    names = [name for cls in GatewayMetrics.__bases__ for name, each in vars(cls).items() if isinstance(each, Metric)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, None, "body"),
        (401, "invalid_api_key", "auth"),
        (403, "not_admin", "auth"),
        (404, "model_not_found", "unknown"),
        (405, "method_not_allowed", "unknown"),
        (413, "body_too_large", "too_large"),
        (418, None, "body"),
        (429, "pool_full", "busy"),
        (500, None, "internal"),
        (501, None, "internal"),
        (502, None, "engine"),
        (503, "replica_failed", "engine"),
        (503, "no_ready_pool", "no_pool"),
        (503, "not_stored", "storage"),
        (504, "timeout", "timeout"),
    ],
)
def test_every_refusal_has_one_of_a_few_reasons(status, code, reason):
    assert rejection_reason(status, code) == reason
    assert reason in REASONS


def test_codes_that_decide_are_codes_that_the_code_knows():
    text = "".join((PROJECT_ROOT / "router" / "eligible.py").read_text() + "".join(SOURCES.values()))
    for code in BY_CODE:
        assert text.count(f'"{code}"') > 1, f"{code} is no error's code any more"
