"""What was routed, answered and spent since the fleet began, summed over gateway replicas on the fleet board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from deployments.board.records import Totals


class TotalsBoard:
    """The newest totals of every gateway replica; a replica that is gone keeps its share."""

    def __init__(self) -> None:
        self._by_gateway: dict[str, Totals] = {}

    def exchange(self, gateway: str, totals: Totals) -> Totals:
        """Replace a gateway replica's totals; return the sum over all replicas."""
        self._by_gateway[gateway] = totals
        return merge_totals(self._by_gateway.values())


def merge_totals(parts: Iterable[Totals]) -> Totals:
    """The sum of totals."""
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
