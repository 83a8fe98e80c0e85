"""Load the files that a spec names for the router. Nothing else in `router` opens files."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from cluster.routing import RoutingSpec
from cluster.routing_files import RULES
from cluster.spec import FleetSpec
from router.confidence.artifact import ConfidenceError, read_confidence
from router.confidence.judge import ConfidenceModel
from router.difficulty.artifact import load_score
from router.difficulty.benchmarks import read_means
from router.difficulty.ladder import LadderQuality
from router.difficulty.score import DifficultyScore
from router.difficulty.steps import Step, steps
from router.model.arrays import ArtifactError
from router.model.artifact import load_artifact
from router.quality import QualityModel, RuleQuality

SHIPPED = "difficulty.npz"
"""The difficulty score in `router/` that ships with Signalbox."""
BENCHMARKS = "benchmarks.csv"
"""The table of public benchmark means in `router/`."""
ESCALATION = "routing.escalation"


class BadQualityModel(Exception):
    """The spec's artifact cannot be used; the message names the field and the reason."""


def load_quality(spec: FleetSpec) -> QualityModel:
    """Return the quality model for routing: the spec's artifact, rules, or what ships (difficulty and a ladder).

    Raises:
        BadQualityModel: the file cannot be read or is not an artifact.
    """
    path = spec.routing.artifact
    if path == RULES:
        return RuleQuality()
    if path is None:
        return shipped_quality(spec)
    try:
        return read_quality(Path(path).read_bytes(), spec)
    except OSError as error:
        raise BadQualityModel(f"routing.artifact: {path} cannot be read: {error.strerror}") from error
    except ArtifactError as error:
        raise BadQualityModel(f"routing.artifact: {path} {error}") from error


def read_quality(data: bytes, spec: FleetSpec) -> QualityModel:
    """Return the learned model in a file's content; what ships predicts requests that are far from its training.

    Raises:
        ArtifactError: as load_artifact.
    """
    return replace(load_artifact(data), far=shipped_quality(spec))


def shipped_quality(spec: FleetSpec) -> LadderQuality:
    """Return the quality model without own labels: the shipped difficulty score and the fleet's ladder."""
    return LadderQuality(_shipped_score(), {tier: step.difficulty for tier, step in load_ladder(spec).items()})


def load_ladder(spec: FleetSpec) -> dict[str, Step]:
    """Return the fleet's ladder, with where each step is from."""
    return steps(spec, _shipped_means())


@cache
def _shipped_score() -> DifficultyScore:
    return load_score((files("router") / SHIPPED).read_bytes())


@cache
def _shipped_means() -> dict[str, float]:
    return read_means((files("router") / BENCHMARKS).read_text().splitlines())


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
