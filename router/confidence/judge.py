"""Judge an answer by its first tokens, and decide whether to escalate it to a higher tier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cluster.pool import TIERS
from router.types import Prediction

SURE = math.log(0.9)
"""Tokens with a lower log-probability count as unsure."""
LOWEST = -20.0
WIDEST = 10.0
"""Bounds of log-probabilities and of margins. Beyond them, a token is simply hopeless or certain."""


@dataclass(frozen=True)
class Evidence:
    """The first tokens of one answer, as its engine reported them."""

    logprobs: tuple[float, ...]
    """Log-probability of each token, <= 0."""
    margins: tuple[float, ...]
    """Log-probability of each token minus that of the best other token; negative if sampling took a worse token."""
    finished: bool = False
    """Whether the answer ended within these tokens."""


@dataclass(frozen=True)
class Logistic:
    """P = 1 / (1 + exp(-(intercept + weights . features))); features without a weight do not count."""

    weights: Mapping[str, float]
    intercept: float = 0.0

    def probability(self, features: Mapping[str, float]) -> float:
        """Return P, in (0, 1)."""
        total = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-min(max(total, -30.0), 30.0)))


@dataclass(frozen=True)
class ConfidenceModel:
    """P(the answer is good) by coefficients that were fitted for the models of these tiers."""

    tiers: Mapping[str, Logistic] = field(default_factory=dict)
    hold_tokens: int | None = None
    """Number of tokens that the coefficients were fitted on; None without coefficients."""

    def probability(self, tier: str, evidence: Evidence, prediction: Prediction | None = None) -> float:
        """Return P(the answer of this tier is good), 0..1. The evidence needs at least one token.

        Raises:
            KeyError: the tier has no coefficients.
        """
        return self.tiers[tier].probability(confidence_features(tier, evidence, prediction))


def confidence_features(tier: str, evidence: Evidence, prediction: Prediction | None = None) -> dict[str, float]:
    """Return the inputs of the judgement by name; every value is finite.

    Args:
        tier: the tier that generated the answer.
        prediction: the prediction before the answer; None means as likely good as bad.
    """
    logprobs = np.clip(evidence.logprobs, LOWEST, 0)
    margins = np.clip(evidence.margins, -WIDEST, WIDEST)
    chances = np.exp(logprobs)
    higher = TIERS[TIERS.index(tier) + 1 :]
    quality = prediction.quality if prediction else {}
    return {
        "mean_logprob": float(logprobs.mean()),
        "total_logprob": max(float(logprobs.sum()), LOWEST),
        "low_logprob": float(np.quantile(logprobs, 0.1)),
        "least_probability": float(chances.min()),
        "second_probability": float(np.partition(chances, 1)[1]) if len(chances) > 1 else 1.0,
        "mean_margin": float(margins.mean()),
        "low_margin": float(np.quantile(margins, 0.1)),
        "least_margin": float(margins.min()),
        "unsure_share": float((logprobs < SURE).mean()),
        "doubt": float((-chances * logprobs).mean()),
        "log_length": math.log(len(logprobs)),
        "finished": float(evidence.finished),
        "predicted": _logit(quality.get(tier, 0.5)),
        "predicted_higher": _logit(max((quality.get(each, 0.5) for each in higher), default=0.5)),
    }


def _logit(probability: float) -> float:
    bounded = min(max(probability, 0.01), 0.99)
    return math.log(bounded / (1 - bounded))


FEATURES: tuple[str, ...] = tuple(confidence_features("small", Evidence((0.0,), (0.0,))))
"""Names that coefficients may use."""


@dataclass(frozen=True)
class Candidate:
    """A pool of a higher tier that could answer instead."""

    pool: str
    quality: float
    """Predicted P(its answer is good), 0..1."""
    cost: float
    """Expected cost of asking it, in the prices' currency."""


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is kept or dropped."""

    escalate_to: str | None
    """The pool to ask instead; None keeps the answer."""
    reason: str


def judge(
    confidence: float, candidates: Sequence[Candidate], cost_lambda: float, min_gain: float, tokens: int
) -> Verdict:
    """Escalate to the candidate with the largest gain, if that exceeds `min_gain`.

    The gain is quality_high - confidence - lambda x cost. It ignores the cost of the tokens so far, which is spent in
    either case.

    Args:
        confidence: P(the answer at hand is good), 0..1.
        candidates: at least one.
        cost_lambda: quality given up per unit of the prices' currency.
        tokens: number of judged tokens, for the reason.
    """

    def gain(candidate: Candidate) -> float:
        return candidate.quality - confidence - cost_lambda * candidate.cost

    best = max(candidates, key=gain)
    summary = f"confidence {confidence:.2f} after {tokens} tokens, {best.pool} would add {gain(best):.2f}"
    if gain(best) > min_gain:
        return Verdict(best.pool, f"{summary}: escalated")
    return Verdict(None, f"{summary}: kept")
