"""Label selectors with Kubernetes' matching rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8s.checks.objects import mapping, sequence, text

NO_POD = "selects no pod of the output, use labels that pods have"
OTHER_FLEETS = "also selects pods of other fleets in the namespace, use a label of this fleet's pods"


def selects(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a `LabelSelector` matches labels. An empty selector matches everything."""
    required = mapping(selector, "matchLabels")
    if any(labels.get(key) != value for key, value in required.items()):
        return False
    return all(_holds(each, labels) for each in sequence(selector, "matchExpressions"))


def _holds(expression: Any, labels: Mapping[str, str]) -> bool:
    key, values = text(expression, "key"), sequence(expression, "values")
    match text(expression, "operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
