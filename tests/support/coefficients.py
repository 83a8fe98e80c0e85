"""Coefficients of confidence for tests: an answer with a mean log-probability of -1 is as likely good as bad."""

from __future__ import annotations

from pathlib import Path

from router.confidence.artifact import write_confidence
from router.confidence.judge import ConfidenceModel, Logistic


def coefficients_file(folder: Path, hold_tokens: int) -> str:
    """Path of a file with coefficients for both tiers that are judged."""
    logistic = Logistic({"mean_logprob": 3.0}, 3.0)
    path = folder / "confidence.json"
    path.write_bytes(write_confidence(ConfidenceModel({"small": logistic, "moe": logistic}, hold_tokens), {}))
    return str(path)
