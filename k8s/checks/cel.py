"""Evaluates a CRD's rules (`x-kubernetes-validations`), written in Google's Common Expression Language."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from cluster.problems import shown
from k8s.checks.objects import Body, mapping, sequence, text


def broken_rules(value: Any, schema: Body, path: str = "") -> Iterator[tuple[str, str]]:
    """Field path and message of every rule that a value breaks.

    Rules that use `oldSelf` apply to updates only, so they are skipped.
    """
    for rule in sequence(schema, "x-kubernetes-validations"):
        expression = text(rule, "rule")
        if "oldSelf" in expression:
            continue
        if (problem := _problem(expression, value)) is not None:
            yield path, f"invalid value {shown(value)}: {text(rule, 'message') or expression}{problem}"
    if isinstance(value, dict):
        for name, item in value.items():
            inner = mapping(schema, "properties", name) or mapping(schema, "additionalProperties")
            yield from broken_rules(item, inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from broken_rules(item, mapping(schema, "items"), f"{path}[{index}]")


def _problem(expression: str, value: Any) -> str | None:
    """None if the rule holds; otherwise the text to append to its message."""
    from celpy.adapter import json_to_cel
    from celpy.evaluation import CELEvalError

    try:
        holds = _program(expression).evaluate({"self": json_to_cel(value)})
    except CELEvalError as error:
        return f" (the rule cannot be evaluated: {error})"
    return None if holds else ""


@functools.lru_cache(maxsize=256)
def _program(expression: str) -> Any:
    import celpy

    environment = celpy.Environment()
    return environment.program(environment.compile(expression))
