"""What is measured on one outcome file."""

from __future__ import annotations

from dataclasses import dataclass

from training.judge.scores import Array, Scores


@dataclass(frozen=True)
class FileReport:
    """Everything measured on one file."""

    stem: str
    trained_on: bool
    """Whether the judged artifact was trained on this file: these metrics then do not show how good it is."""
    queries: int
    tiers: tuple[str, ...]
    """In order of rising mean cost."""
    single_tiers: tuple[Array, Array]
    """Mean cost and quality of each tier alone."""
    scores: dict[str, Scores | None]
    """By method; None where the method is not installed."""
    budget_error_pp: dict[str, float | None]
    """By method; None for methods that predict no quality."""
    curves: dict[str, tuple[Array, Array]]
    """Mean cost and quality of each method's policies."""
    reliability: dict[str, tuple[Array, Array, Array]]
    """Signalbox's mean prediction, mean outcome and count of each bin, by tier."""
    differences: dict[str, tuple[float, float]]
    """The compared artifact's metrics minus the judged one's: 95% intervals."""
