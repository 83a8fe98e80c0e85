"""The quality model that a spec names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from cluster.routing_files import RULES
from cluster.spec import FleetSpec
from router.model.artifact import ArtifactError, load_artifact
from router.quality import QualityModel, RuleQuality

DEFAULT_ARTIFACT = "default_artifact.npz"
"""The file in `router/` that ships."""


class BadQualityModel(Exception):
    """The spec's artifact cannot be used; the message names the field and says what to do."""


def load_quality(spec: FleetSpec) -> QualityModel:
    """The quality model to route by: the spec's artifact, the one that ships, or rules.

    Raises:
        BadQualityModel: the file cannot be read or is no artifact.
    """
    written = spec.routing.artifact
    if written == RULES:
        return RuleQuality()
    try:
        if written is not None:
            return load_artifact(Path(written).read_bytes())
        shipped = files("router") / DEFAULT_ARTIFACT
        return load_artifact(shipped.read_bytes()) if shipped.is_file() else RuleQuality()
    except OSError as error:
        raise BadQualityModel(f"routing.artifact: {written} cannot be read: {error.strerror}") from error
    except ArtifactError as error:
        raise BadQualityModel(f"routing.artifact: {written or DEFAULT_ARTIFACT} {error}") from error
