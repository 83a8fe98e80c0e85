"""The quality model that a spec names."""

from __future__ import annotations

from cluster.spec import FleetSpec
from router.quality import QualityModel, RuleQuality


def load_quality(spec: FleetSpec) -> QualityModel:
    """The model to route by."""
    return RuleQuality()
