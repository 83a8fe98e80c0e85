"""What a request costs in each pool: the spec's prices x expected tokens."""

from __future__ import annotations

import numpy as np

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from router.budget.spend_curve import Offers
from router.types import CalibrationSample

DEFAULT_PRICES = {"small": 1.0, "moe": 3.0, "large": 10.0}
"""Prices of a million tokens by tier for a spec without token prices: only their ratio matters."""
USUAL_TOKENS = 200.0
"""Prompt and answer of an average request without a calibration sample."""


class Costs:
    """Expected costs in the pools of one spec, in the currency of its prices."""

    def __init__(self, spec: FleetSpec) -> None:
        self.spec = spec
        self.assumed = not any(
            pool.prices.input_per_mtok or pool.prices.output_per_mtok for pool in spec.pools.values()
        )
        """Whether the spec has no price of tokens, so that default prices are used."""
        self._per_token = {name: self._prices(name) for name in spec.pools}

    def of(self, pool: str, prompt_tokens: float, output_tokens: float) -> float:
        """Cost of one request."""
        per_prompt_token, per_output_token = self._per_token[pool]
        return prompt_tokens * per_prompt_token + output_tokens * per_output_token

    def usual_lambda(self, sample: CalibrationSample | None) -> float:
        """Lambda from which a budget starts: `cost_weight` / cost of an average request in the most expensive pool."""
        highest = max(self._average(pool, sample) for pool in self.spec.pools)
        return self.spec.routing.cost_weight / highest if highest else 0.0

    def offers(self, sample: CalibrationSample) -> Offers:
        """A calibration sample in terms of the pools, in the spec's order."""
        tiers = [TIERS.index(pool.tier) for pool in self.spec.pools.values()]
        prices = np.array(list(self._per_token.values()))
        cost = sample.prompt_tokens[:, None] * prices[:, 0] + sample.output_tokens[:, tiers] * prices[:, 1]
        return Offers(sample.quality[:, tiers], cost)

    def _average(self, pool: str, sample: CalibrationSample | None) -> float:
        if sample is None or not len(sample.prompt_tokens):
            return self.of(pool, USUAL_TOKENS, USUAL_TOKENS)
        tier = TIERS.index(self.spec.pools[pool].tier)
        return self.of(pool, float(sample.prompt_tokens.mean()), float(sample.output_tokens[:, tier].mean()))

    def _prices(self, pool: str) -> tuple[float, float]:
        prices = self.spec.pools[pool].prices
        if self.assumed:
            price = DEFAULT_PRICES[self.spec.pools[pool].tier]
            return price / 1e6, price / 1e6
        return prices.input_per_mtok / 1e6, prices.output_per_mtok / 1e6
