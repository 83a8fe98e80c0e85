"""A request's preferences for the router, as one list of words: `auto`, `auto:cheap`, `auto:quality=0.9,no-escalation`.

The body's `model`, the header `x-signalbox-route`, an API key's default and the spec's default use the same grammar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

AUTO = "auto"
WORDS = "cheap, best, quality=0..1, cost=NUMBER, no-escalation"


@dataclass(frozen=True)
class Wish:
    """The preferences of one request. The next default decides those that are None."""

    mode: Literal["cheap", "best"] | None = None
    """`cheap`: the cheapest pool that may answer; `best`: the highest predicted quality; None: quality minus cost."""
    min_quality: float | None = None
    """Minimum predicted quality of the chosen pool, as a share (0..1) of the best pool's."""
    max_cost: float | None = None
    """Maximum expected cost in the prices' currency; if every pool costs more, the cheapest one is chosen."""
    escalate: bool | None = None
    """False: the first pool's answer is never judged, so no higher tier answers instead."""

    def over(self, default: Wish) -> Wish:
        """These preferences, completed from a default."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return replace(default, **given)


def is_auto(model: str) -> bool:
    """Whether a model name leaves the choice to the router."""
    return model == AUTO or model.startswith(AUTO + ":")


def parse_wish(text: str) -> Wish:
    """The preferences in `auto`, `auto:WORDS` or `WORDS`, where words are separated by commas.

    Raises:
        ValueError: a word that does not exist, a number out of range, or a word twice.
    """
    words = text.removeprefix(AUTO).removeprefix(":") if is_auto(text) else text
    found: dict[str, object] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        field, value = _read(word)
        if field in found:
            raise ValueError(f"invalid value '{text[:100]}', which sets {field.replace('_', ' ')} twice: set it once")
        found[field] = value
    return Wish(**found)  # type: ignore[arg-type]


def _read(word: str) -> tuple[str, object]:
    name, _, number = word.partition("=")
    if word in ("cheap", "best"):
        return "mode", word
    if word == "no-escalation":
        return "escalate", False
    if name == "quality":
        return "min_quality", _number(word, number, high=1)
    if name == "cost":
        return "max_cost", _number(word, number, high=math.inf)
    raise ValueError(f"invalid value '{word[:100]}', use some of {WORDS}, separated by commas")


def _number(word: str, text: str, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 <= value <= high and math.isfinite(value)):
        bounds = f"from 0 to {high:g}" if high < math.inf else ">= 0"
        raise ValueError(f"invalid value '{word[:100]}', use a number {bounds}")
    return value
