"""How complex a query is, as a score in [0,1], by a hand-written rule."""

from __future__ import annotations

import math
from collections.abc import Mapping

from router.types import Contributions


class RuleComplexity:
    """A transparent additive rule: saturating evidence per feature, mapped to [0,1] by 1 - exp(-x).

    The rule counts steps: numbers to combine, clauses that chain, items to order, and words that ask for reasoning,
    code or mathematics. Its weights were set by hand on the training wordings of the demo tasks and on a few chat,
    code and reasoning queries.
    """

    def score(self, features: Mapping[str, float]) -> tuple[float, Contributions]:
        """Return the score, which rises with complexity, and what each feature added before the mapping to [0,1]."""
        f = features
        # Two numbers are one step; each further number adds one. Numbers in a list are ordered, not combined.
        further = max(0.0, min(f["numbers"] - f["listed_numbers"], 10) - 2)
        parts = {
            "numbers to combine": 0.22 + 0.24 * further if further else 0.0,
            "numbers to order": 0.14 * min(f["listed_numbers"], 12),
            "operators": 0.06 * min(f["operators"], 8),
            "chained clauses": 0.05 * min(f["sequence_words"], 6),
            "sentences": 0.05 * min(f["sentences"] - 1, 8),
            "asks for reasoning": 0.3 * min(f["reason_words"], 3),
            "code": min(0.45 * f["code_marks"] + 0.3 * f["code_words"], 1.35),
            "mathematics": 0.35 * min(f["math_marks"], 3),
            "long answer": 0.2 * min(f["asked_words"] / 200, 4),
            "length": 0.25 * min(f["words"] / 100, 4),
            "conversation": 0.03 * min(f["turns"] - 1, 10),
            "tools": 0.2 * f["tools"],
        }
        added = ((name, value) for name, value in parts.items() if value > 0)
        contributions = tuple(sorted(added, key=lambda part: -part[1]))
        return 1 - math.exp(-sum(value for _, value in contributions)), contributions
