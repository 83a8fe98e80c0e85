"""How a metric is defined: as an attribute of a class, which is the Ray metric as soon as an object is asked for it.

So a metric's name stands once, beside the attribute that the code counts with, and the reference (docs/metrics.md) is
read off the same attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeVar

from ray.util.metrics import Counter, Gauge, Histogram

PREFIX = "ray_"
"""Ray puts it before every name, and `_total` behind a counter's."""

POOL = {"pool": "a pool of the spec"}
REPLICA = POOL | {"replica": "Serve's id of the replica"}
TENANT = {"tenant": "name of an API key in the spec; none without keys, or with an unknown one"}
CURRENCY = "the prices' currency"

Over = Literal["sum", "max"]
"""How series that differ by Ray's own labels (processes, nodes) are joined: `max` where all tell of the same thing."""


class Count(Counter):
    """A counter that takes 0: Ray's own raises, and what is counted here may well be free of charge."""

    def inc(self, value: float = 1.0, tags: dict[str, str] | None = None) -> None:
        """Add to the counter; 0 changes nothing."""
        if value:
            super().inc(value, tags or {})


@dataclass(frozen=True)
class Definition:
    """One metric: its name in the code, and what docs/metrics.md says of it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: Mapping[str, str]
    """Names of labels with the values that they take."""
    meaning: str
    moves: str
    """What to do when it moves."""
    over: Over = "sum"

    @property
    def exposed(self) -> str:
        """The name that Prometheus sees; a histogram's series end in `_bucket`, `_sum` and `_count` besides."""
        return f"{PREFIX}{self.name}" + ("_total" if self.kind == "counter" else "")


Made = TypeVar("Made")


class Metric(Generic[Made]):
    """A defined metric as a class attribute. An object's own is made when it is first asked for, and kept."""

    def __init__(self, definition: Definition, make: Callable[..., Made]) -> None:
        self.definition = definition
        self._make = make
        self._attribute = ""

    def __set_name__(self, owner: type, attribute: str) -> None:
        self._attribute = attribute

    def __get__(self, metrics: object, owner: type) -> Made:
        one = self.definition
        made = self._make(one.name, one.meaning, tag_keys=tuple(one.labels))
        metrics.__dict__[self._attribute] = made  # which is found before this descriptor from now on
        return made


def counter(name: str, unit: str, labels: Mapping[str, str], meaning: str, moves: str) -> Metric[Count]:
    """Something that only grows, from 0 at the start of the process that counts."""
    return Metric(Definition(name, "counter", unit, labels, meaning, moves), Count)


def gauge(
    name: str, unit: str, labels: Mapping[str, str], meaning: str, moves: str, over: Over = "sum"
) -> Metric[Gauge]:
    """Something that is as it is now."""
    return Metric(Definition(name, "gauge", unit, labels, meaning, moves, over), Gauge)


def histogram(
    name: str, unit: str, labels: Mapping[str, str], meaning: str, moves: str, bounds: tuple[float, ...]
) -> Metric[Histogram]:
    """Something whose distribution matters; `bounds` are the upper bounds of its buckets."""
    make = partial(Histogram, boundaries=list(bounds))
    return Metric(Definition(name, "histogram", unit, labels, meaning, moves), make)


def definitions(classes: Iterable[type]) -> tuple[Definition, ...]:
    """The metrics of classes, in the order in which they are written."""
    attributes: list[Any] = [each for cls in classes for each in vars(cls).values()]
    return tuple(each.definition for each in attributes if isinstance(each, Metric))
