"""Parameters of baselines: numbers by name, checked where they come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from cluster.pool import Part
from cluster.problems import did_you_mean, shown

Point = Mapping[str, float]
"""Parameters by name; those left out have their defaults."""

P = TypeVar("P", bound=Part)


def read_parameters(kind: type[P], policy: str, given: Point) -> P:
    """A policy's parameters out of numbers by name.

    Raises:
        ValueError: a name that the policy does not have, or a number outside its range; says which and what to write.
    """
    for name in given:
        if name not in kind.model_fields:
            raise ValueError(f"policy {policy} has no parameter '{name}': {did_you_mean(name, kind.model_fields)}")
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        found = f"parameter {name} of policy {policy}: found {shown(first['input'])}"
        raise ValueError(f"{found}: {first['msg'][0].lower()}{first['msg'][1:]}") from error
