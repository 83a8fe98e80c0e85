"""A quality model that counts how often it is asked."""

from __future__ import annotations

from router.quality import RuleQuality
from router.types import Prediction, RoutingRequest


class Counting(RuleQuality):
    """Rules; `asked` counts the predictions."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def predict(self, request: RoutingRequest) -> Prediction:
        """See QualityModel.predict."""
        self.asked += 1
        return super().predict(request)
