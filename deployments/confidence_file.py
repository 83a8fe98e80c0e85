"""The spec's coefficients of confidence, read from their file when a gateway starts."""

from __future__ import annotations

from pathlib import Path

from cluster.routing import RoutingSpec
from router.confidence.artifact import ConfidenceError, read_confidence
from router.confidence.judge import ConfidenceModel

FIELD = "routing.escalation"


def load_confidence(routing: RoutingSpec) -> ConfidenceModel:
    """The model that the spec names, or the default one.

    Raises:
        ConfidenceError: the file cannot be read, is not one of coefficients, or its coefficients judge another number
            of tokens than the spec holds back.
    """
    rule = routing.escalation
    if rule is None or rule.model is None:
        return ConfidenceModel()
    try:
        model = read_confidence(Path(rule.model).read_bytes())
    except OSError as error:
        raise ConfidenceError(f"{FIELD}.model: {rule.model} cannot be read ({error.strerror})") from error
    except ConfidenceError as error:
        raise ConfidenceError(f"{FIELD}.model: {rule.model}: {error}") from error
    if model.hold_tokens != rule.hold_tokens:
        raise ConfidenceError(
            f"{FIELD}.hold_tokens: found {rule.hold_tokens}: write {model.hold_tokens}, which the coefficients of "
            f"{rule.model} were fitted on"
        )
    return model
