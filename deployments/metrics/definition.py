"""How a metric is defined: as a class attribute that becomes the Ray metric when an object first uses it.

So a metric has one definition, at the attribute that the code counts with. docs/metrics.md is generated from the same
attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeVar

from ray.util.metrics import Counter, Gauge, Histogram

PREFIX = "ray_"
"""Ray's prefix of every name. It also appends `_total` to counters."""

POOL = {"pool": "a pool of the spec"}
REPLICA = POOL | {"replica": "Serve's id of the replica"}
TENANT = {"tenant": "name of an API key in the spec; none without keys, or with an unknown one"}
CURRENCY = "the prices' currency"

Over = Literal["sum", "max"]
"""How to join series that differ only by Ray's labels (processes, nodes): `max` if all report the same value."""


class Count(Counter):
    """A counter that accepts 0. Ray's counter raises, and the cost of an answer may be 0."""

    def inc(self, value: float = 1.0, tags: dict[str, str] | None = None) -> None:
        """Add to the counter; 0 changes nothing."""
        if value:
            super().inc(value, tags or {})


@dataclass(frozen=True)
class Definition:
    """One metric: its name in the code and its text in docs/metrics.md."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: Mapping[str, str]
    """Label names with a description of their values."""
    meaning: str
    moves: str
    """What it means when it moves, and what to do."""
    over: Over = "sum"

    @property
    def exposed(self) -> str:
        """The name in Prometheus. A histogram's series also end in `_bucket`, `_sum` and `_count`."""
        return f"{PREFIX}{self.name}" + ("_total" if self.kind == "counter" else "")


Made = TypeVar("Made")


class Metric(Generic[Made]):
    """A defined metric as a class attribute. An object makes its Ray metric at the first use and keeps it."""

    def __init__(self, definition: Definition, make: Callable[..., Made]) -> None:
        self.definition = definition
        self._make = make
        self._attribute = ""

    def __set_name__(self, owner: type, attribute: str) -> None:
        self._attribute = attribute

    def __get__(self, metrics: object, owner: type) -> Made:
        one = self.definition
        made = self._make(one.name, one.meaning, tag_keys=tuple(one.labels))
        metrics.__dict__[self._attribute] = made  # found before this descriptor from now on
        return made


def counter(name: str, unit: str, labels: Mapping[str, str], meaning: str, moves: str) -> Metric[Count]:
    """A value that only grows, from 0 at the start of the process."""
    return Metric(Definition(name, "counter", unit, labels, meaning, moves), Count)


def gauge(
    name: str, unit: str, labels: Mapping[str, str], meaning: str, moves: str, over: Over = "sum"
) -> Metric[Gauge]:
    """A value of this moment."""
    return Metric(Definition(name, "gauge", unit, labels, meaning, moves, over), Gauge)


def histogram(
    name: str, unit: str, labels: Mapping[str, str], meaning: str, moves: str, bounds: tuple[float, ...]
) -> Metric[Histogram]:
    """A value whose distribution matters. `bounds` are the upper bounds of its buckets."""
    make = partial(Histogram, boundaries=list(bounds))
    return Metric(Definition(name, "histogram", unit, labels, meaning, moves), make)


def definitions(classes: Iterable[type]) -> tuple[Definition, ...]:
    """The metrics of classes, in order of definition."""
    attributes: list[Any] = [each for cls in classes for each in vars(cls).values()]
    return tuple(each.definition for each in attributes if isinstance(each, Metric))
