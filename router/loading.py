"""Load the files that a spec names for the router. Nothing else in `router` opens files."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from cluster.routing import RoutingSpec
from cluster.routing_files import RULES
from cluster.spec import FleetSpec
from router.confidence.artifact import ConfidenceError, read_confidence
from router.confidence.judge import ConfidenceModel
from router.model.artifact import ArtifactError, load_artifact
from router.quality import QualityModel, RuleQuality

DEFAULT_ARTIFACT = "default_artifact.npz"
"""The file in `router/` that ships with Signalbox."""
ESCALATION = "routing.escalation"


class BadQualityModel(Exception):
    """The spec's artifact cannot be used; the message names the field and the reason."""


def load_quality(spec: FleetSpec) -> QualityModel:
    """Return the quality model for routing: the spec's artifact, the shipped one, or rules.

    Raises:
        BadQualityModel: the file cannot be read or is not an artifact.
    """
    path = spec.routing.artifact
    if path == RULES:
        return RuleQuality()
    try:
        if path is not None:
            return load_artifact(Path(path).read_bytes())
        shipped = files("router") / DEFAULT_ARTIFACT
        return load_artifact(shipped.read_bytes()) if shipped.is_file() else RuleQuality()
    except OSError as error:
        raise BadQualityModel(f"routing.artifact: {path} cannot be read: {error.strerror}") from error
    except ArtifactError as error:
        raise BadQualityModel(f"routing.artifact: {path or DEFAULT_ARTIFACT} {error}") from error


def load_confidence(routing: RoutingSpec) -> ConfidenceModel:
    """Return the confidence model that the spec names, or the default one.

    Raises:
        ConfidenceError: the file cannot be read, has no coefficients, or its coefficients judge another number of
            tokens than the spec holds back.
    """
    rule = routing.escalation
    if rule is None or rule.model is None:
        return ConfidenceModel()
    try:
        model = read_confidence(Path(rule.model).read_bytes())
    except OSError as error:
        raise ConfidenceError(f"{ESCALATION}.model: {rule.model} cannot be read: {error.strerror}") from error
    except ConfidenceError as error:
        raise ConfidenceError(f"{ESCALATION}.model: {rule.model}: {error}") from error
    if model.hold_tokens != rule.hold_tokens:
        raise ConfidenceError(
            f"{ESCALATION}.hold_tokens: invalid value {rule.hold_tokens}, use {model.hold_tokens}, for which the "
            f"coefficients in {rule.model} were fitted"
        )
    return model
