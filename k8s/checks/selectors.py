"""Label selectors with Kubernetes' matching rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from k8s.checks.objects import mapping, sequence, text
from k8s.checks.rendered import Pod

NO_POD = "selects no pod of the output, use labels that pods have"
OTHER_FLEETS = "also selects pods of other fleets in the namespace, use a label of this fleet's pods"


def selects(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a `LabelSelector` matches labels. An empty selector matches everything."""
    required = mapping(selector, "matchLabels")
    if any(labels.get(key) != value for key, value in required.items()):
        return False
    return all(_holds(each, labels) for each in sequence(selector, "matchExpressions"))


def strangers(pods: Iterable[Pod], selector: Any) -> Iterator[str]:
    """Problems of a selector that matches more than this fleet's pods, or both the head and workers."""
    chosen = [pod for pod in pods if selects(selector, pod.labels)]
    if any(selects(selector, pod.shared_labels) for pod in chosen):
        yield OTHER_FLEETS
    if len({pod.is_head for pod in chosen}) > 1:
        yield "selects both the head and workers, use ray.io/node-type and one object for each"


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
