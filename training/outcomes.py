"""Outcomes: queries with the quality of each tier's answer. Routers are trained and evaluated on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.labels import Label, normalised
from router.model.learned import View, view
from router.types import RoutingRequest

MOST = 1e15
"""Greater numbers are not counts of anything, and too large for arithmetic."""


@dataclass(frozen=True)
class Outcome:
    """One query and what is known about its answers, by tier."""

    request: RoutingRequest
    group: str
    """Subject or task, for splits; empty if unknown."""
    quality: Mapping[str, float]
    """Quality of the answer, 0..1; unknown for tiers without a value."""
    output_tokens: Mapping[str, float] = field(default_factory=dict)
    """Length of the answer in tokens."""
    answer: Mapping[str, str] = field(default_factory=dict)
    """Text of the answer, for confidence rules only: a model that sees queries must not see it."""
    label: Label | None = None
    """What is known instead of the text, for an outcome of a fleet's own traffic."""

    @property
    def seen(self) -> View:
        """The members' view of the request."""
        return self.label.seen if self.label else view(self.request)

    @property
    def question(self) -> str:
        """Equal for rows with the same question."""
        return self.label.question if self.label else normalised(self.request.text)


def labelled(label: Label) -> Outcome:
    """The outcome of a label."""
    request = RoutingRequest(text="", prompt_tokens=int(label.prompt_tokens))
    return Outcome(request, "", label.quality, label.output_tokens, label=label)


class BadOutcome(Exception):
    """A line cannot be read; the message names file, line and field, and says what to use instead."""


def read_outcomes(lines: Iterable[str], name: str, tiers: Mapping[str, str]) -> list[Outcome]:
    """The outcomes in the lines of a JSONL file.

    Blank lines are skipped, and so are lines without the quality of a wanted model (feedback that never came).

    Args:
        name: name of the file, for messages.
        tiers: tier by model name of the models to read; other models are ignored.

    Raises:
        BadOutcome: a line is invalid; the message is about the first one.
    """
    outcomes = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            outcome = _Line(f"{name}:{number}", line).outcome(tiers)
            if outcome.quality:
                outcomes.append(outcome)
    return outcomes


class _Line:
    """One line; `where` is its file and number."""

    def __init__(self, where: str, text: str) -> None:
        self.where = where
        try:
            self.row: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadOutcome(f"{where}: is not JSON: write one object per line") from error
        if not isinstance(self.row, dict):
            raise BadOutcome(f'{where}: is not a JSON object: use {{"query": ..., "quality": ...}}')

    def outcome(self, tiers: Mapping[str, str]) -> Outcome:
        text = self._field("query", str, None)
        request = RoutingRequest(
            text=text,
            system=self._field("system", str, ""),
            turns=self._count("turns", 1),
            tools=self._count("tools", 0),
            max_tokens=self._count("max_tokens", 0) or None,
            prompt_tokens=self._count("prompt_tokens", len(text.encode("utf-8", "surrogatepass")) // 4),
        )
        return Outcome(
            request,
            self._field("group", str, ""),
            quality=self._by_tier("quality", tiers, _is_share, "a number from 0 to 1"),
            output_tokens=self._by_tier("output_tokens", tiers, _is_amount, "a number >= 0"),
            answer=self._by_tier("answer", tiers, lambda value: isinstance(value, str), "text"),
        )

    def _field(self, name: str, kind: type, default: Any) -> Any:
        value = self.row.get(name, default)
        if not isinstance(value, kind):
            wanted = "text" if kind is str else "an object with a value for each model"
            raise BadOutcome(f"{self.where}: {name} is {_shown(value)}, use {wanted}")
        return value

    def _count(self, name: str, default: int) -> int:
        value = self.row.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
            raise BadOutcome(f"{self.where}: {name} is {_shown(value)}, use an integer >= 0")
        return value

    def _by_tier(self, name: str, tiers: Mapping[str, str], fits: Callable[[Any], bool], wanted: str) -> dict[str, Any]:
        values = self._field(name, dict, {})
        for model, value in values.items():
            if not fits(value):
                raise BadOutcome(f"{self.where}: {name}.{model} is {_shown(value)}, use {wanted}")
        return {tiers[model]: value for model, value in values.items() if model in tiers}


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MOST


def _is_share(value: Any) -> bool:
    return _is_amount(value) and value <= 1


def _shown(value: Any) -> str:
    return "missing or null" if value is None else repr(value)[:80]
