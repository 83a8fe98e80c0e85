"""The spec's file of coefficients: read, or an error that names the field."""

from __future__ import annotations

import pytest

from cluster.loading import PROJECT_ROOT
from cluster.routing import RoutingSpec
from deployments.confidence_file import load_confidence
from router.confidence.artifact import ConfidenceError, write_confidence
from router.confidence.judge import ConfidenceModel, Logistic

MODEL = ConfidenceModel({"small": Logistic({"finished": 1.0})}, 16)


def routing(model, hold_tokens=16):
    return RoutingSpec.model_validate({"escalation": {"model": model, "hold_tokens": hold_tokens}})


def test_the_named_file_is_read(tmp_path):
    file = tmp_path / "confidence.json"
    file.write_bytes(write_confidence(MODEL, {}))
    assert load_confidence(routing(str(file))) == MODEL
    with pytest.raises(ConfidenceError, match="hold_tokens: found 24: write 16"):
        load_confidence(routing(str(file), hold_tokens=24))


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_files_that_cannot_be_used_are_named(tmp_path, content):
    file = tmp_path / "confidence.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfidenceError, match=r"routing\.escalation\.model: .*confidence\.json"):
        load_confidence(routing(str(file)))


@pytest.mark.parametrize("spec", [RoutingSpec(), routing(None)])
def test_without_a_file_the_default_judges(spec):
    assert load_confidence(spec) == ConfidenceModel()


def test_the_shipped_coefficients_are_good():
    shipped = load_confidence(routing(str(PROJECT_ROOT / "demo" / "confidence.json"), hold_tokens=32))
    assert set(shipped.tiers) == {"small", "moe"}
