"""The files that a spec names for the router: read, or refused with an error that names the field."""

from __future__ import annotations

import pytest

from cluster.loading import PROJECT_ROOT
from cluster.routing import RoutingSpec
from cluster.spec import FleetSpec
from deployments.preflight import check_fleet
from router.confidence.artifact import ConfidenceError, write_confidence
from router.confidence.judge import ConfidenceModel, Logistic
from router.loading import BadQualityModel, load_confidence, load_quality
from router.quality import RuleQuality
from router.types import RoutingRequest

MODEL = ConfidenceModel({"small": Logistic({"finished": 1.0})}, 16)


def spec(artifact):
    pools = {"small": {"tier": "small", "model": "org/small", "engine": {"kind": "simulated"}}}
    return FleetSpec.model_validate({"pools": pools, "routing": {"artifact": artifact}})


def test_rules_and_the_shipped_model():
    assert isinstance(load_quality(spec("rules")), RuleQuality)
    prediction = load_quality(spec(None)).predict(RoutingRequest("What is 7 + 5?"))
    assert prediction.quality.keys() == {"small", "moe", "large"}


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04 cut off", b"\x80\x04pickle", None])
def test_what_is_no_artifact_is_said_before_anything_starts(tmp_path, content):
    file = tmp_path / "model.artifact"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadQualityModel, match=r"routing\.artifact: .*model\.artifact"):
        load_quality(spec(str(file)))
    assert any("routing.artifact" in problem for problem in check_fleet(spec(str(file))).problems)


# -- coefficients of confidence ------------------------------------------------------------------------------------


def routing(model, hold_tokens=16):
    return RoutingSpec.model_validate({"escalation": {"model": model, "hold_tokens": hold_tokens}})


def test_the_named_coefficients_are_read(tmp_path):
    file = tmp_path / "confidence.json"
    file.write_bytes(write_confidence(MODEL, {}))
    assert load_confidence(routing(str(file))) == MODEL
    with pytest.raises(ConfidenceError, match="hold_tokens: invalid value 24, use 16"):
        load_confidence(routing(str(file), hold_tokens=24))


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_files_of_coefficients_that_cannot_be_used_are_named(tmp_path, content):
    file = tmp_path / "confidence.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfidenceError, match=r"routing\.escalation\.model: .*confidence\.json"):
        load_confidence(routing(str(file)))


@pytest.mark.parametrize("spec", [RoutingSpec(), routing(None)])
def test_without_coefficients_the_default_judges(spec):
    assert load_confidence(spec) == ConfidenceModel()


def test_the_shipped_coefficients_are_good():
    shipped = load_confidence(routing(str(PROJECT_ROOT / "demo" / "confidence.json"), hold_tokens=32))
    assert set(shipped.tiers) == {"small", "moe"}
