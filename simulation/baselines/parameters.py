"""Parameters of baselines: numbers by name, with validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from cluster.part import Part
from cluster.problems import did_you_mean, shown

Point = Mapping[str, float]
"""Parameters by name. Missing ones have their defaults."""

P = TypeVar("P", bound=Part)


def read_parameters(kind: type[P], policy: str, values: Point) -> P:
    """A policy's parameters from numbers by name.

    Raises:
        ValueError: a name is unknown or a number is out of range. The message names it and tells what to use.
    """
    for name in values:
        if name not in kind.model_fields:
            raise ValueError(f"policy {policy} has no parameter '{name}', {did_you_mean(name, kind.model_fields)}")
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        problem = f"parameter {name} of policy {policy}: invalid value {shown(first['input'])}"
        raise ValueError(f"{problem}: {first['msg'][0].lower()}{first['msg'][1:]}") from error
