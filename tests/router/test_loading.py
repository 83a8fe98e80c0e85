"""The spec's quality model: rules, the shipped one, and files that are none."""

from __future__ import annotations

import pytest

from cluster.spec import FleetSpec
from deployments.preflight import check_fleet
from router.loading import BadQualityModel, load_quality
from router.quality import RuleQuality
from router.types import RoutingRequest


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
