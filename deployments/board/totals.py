"""What was routed, answered and spent since the fleet began, summed over gateway replicas on the fleet board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class Totals:
    """Counts that only grow, of one gateway replica or of all together."""

    decisions: dict[str, int] = field(default_factory=dict)
    """Requests for an answer by the pool that was chosen first."""
    answers: dict[str, int] = field(default_factory=dict)
    """Whole answers by the pool that gave them: another than the chosen one after a failure or an escalation."""
    cost: float = 0.0
    """Of all tokens that pools generated or read, dropped answers included, in the prices' currency."""
    always_large_cost: float = 0.0
    """What the tokens of the answers that clients got would have cost in the dearest pool of the large tier."""

    def decided(self, pool: str) -> None:
        """A request for an answer was given a pool."""
        self.decisions[pool] = self.decisions.get(pool, 0) + 1

    def answered(self, pool: str) -> None:
        """A client has its whole answer."""
        self.answers[pool] = self.answers.get(pool, 0) + 1


class TotalsBoard:
    """The board's side: the newest totals of every gateway replica; one that is gone keeps its share."""

    def __init__(self) -> None:
        self._by_gateway: dict[str, Totals] = {}

    def exchange(self, gateway: str, totals: Totals) -> Totals:
        """Replace what a gateway replica said; what all said together."""
        self._by_gateway[gateway] = totals
        return together(self._by_gateway.values())


def together(parts: Iterable[Totals]) -> Totals:
    """The sum."""
    whole = Totals()
    for part in parts:
        _add(whole.decisions, part.decisions)
        _add(whole.answers, part.answers)
        whole.cost += part.cost
        whole.always_large_cost += part.always_large_cost
    return whole


def _add(into: dict[str, int], counts: Mapping[str, int]) -> None:
    for pool, count in counts.items():
        into[pool] = into.get(pool, 0) + count
