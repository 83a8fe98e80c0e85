"""The default quality model: one difficulty score, and one ladder of tiers.

Which of two models answers a prompt better is a property of these two models, and nothing learned from other models
tells it (docs/routing.md). What can be known before a fleet has own labels is that hard requests need strong models. So
a tier's quality falls with difficulty along one curve, and tiers differ only in where it falls (the one-parameter model
of item response theory, Rasch 1960).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cluster.pool import TIERS
from router.difficulty.score import Difficulty, DifficultyScore
from router.types import CalibrationSample, Contributions, Prediction, RoutingRequest

LADDER: Mapping[str, float] = {"small": 0.60, "moe": 0.66, "large": 0.80}
"""Difficulty at which a tier's answer is as likely good as bad, if nothing is known about its models."""
SHARPNESS = 12.0
"""How fast quality falls near that difficulty, per unit of difficulty."""
LOGISTIC = math.pi / 8
"""Averages a logistic curve over a normal distribution (MacKay 1992, the evidence framework, eq. 30)."""
SHORTEST_ANSWER, LONGEST_ANSWER = 60.0, 700.0
"""Expected tokens of an answer to the easiest and to the hardest request. Assumed; own answers replace it."""
UNSURE_BELOW = 0.5
"""Below this familiarity a decision says that it is uncertain."""
EXPLAINED_WORDS = 40
"""Distinct words that an explanation tries, which bounds its time."""
SHOWN_WORDS = 6
MAX_EXPLAINED = 4_000
"""Characters of a request that an explanation reads."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class LadderQuality:
    """See `router.quality.QualityModel`. A bigger tier is never predicted worse than a smaller one, unless the spec's
    ladder says so."""

    score: DifficultyScore
    ladder: Mapping[str, float] = field(default_factory=lambda: LADDER)
    """Difficulty by tier at which an answer is as likely good as bad."""

    @property
    def calibration(self) -> CalibrationSample:
        """See QualityModel.calibration."""
        values, spreads, prompt_tokens = self.score.sample.T
        found = [Difficulty(value, spread, 1.0) for value, spread in zip(values, spreads, strict=True)]
        quality = [list(qualities(each, self.ladder).values()) for each in found]
        tokens = [[answer_tokens(each.value)] * len(TIERS) for each in found]
        return CalibrationSample(np.array(quality), np.array(tokens), prompt_tokens)

    def predict(self, request: RoutingRequest) -> Prediction:
        """See QualityModel.predict."""
        found = self.score.of(request)
        tokens = answer_tokens(found.value)
        limited = float(min(tokens, request.max_tokens or tokens))
        why = f"only {found.familiar:.0%} like the prompts of training, so the prediction is uncertain"
        return Prediction(
            quality=qualities(found, self.ladder),
            output_tokens=dict.fromkeys(TIERS, limited),
            fallback=why if found.familiar < UNSURE_BELOW else None,
        )

    def because(self, request: RoutingRequest) -> Contributions:
        """Return the words that matter most, each with the difficulty that it adds to the request."""
        whole = self.score.of(request).value
        words = list(dict.fromkeys(_WORD.findall(request.text)))[:EXPLAINED_WORDS]
        added = [(word, whole - self.score.of(RoutingRequest(_without(request.text, word))).value) for word in words]
        largest = sorted(added, key=lambda part: -abs(part[1]))[:SHOWN_WORDS]
        return tuple((word, value) for word, value in largest if value)


def qualities(found: Difficulty, ladder: Mapping[str, float]) -> dict[str, float]:
    """Return P(good) by tier: the mean of the tier's curve over what the difficulty may be."""
    flatter = math.sqrt(1 + LOGISTIC * (SHARPNESS * found.spread) ** 2)
    return {tier: 1 / (1 + math.exp(SHARPNESS / flatter * (found.value - ladder[tier]))) for tier in TIERS}


def answer_tokens(difficulty: float) -> float:
    """Return the expected tokens of an answer."""
    return SHORTEST_ANSWER + difficulty * (LONGEST_ANSWER - SHORTEST_ANSWER)


def _without(text: str, word: str) -> str:
    return re.sub(rf"\b{re.escape(word)}\b", " ", text[:MAX_EXPLAINED])
