"""What `signalbox collect` prints: answers, grades and lengths by tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from cluster.pool import TIERS
from training.collect.collector import Tally


def outcome_table(tally: Tally, pools: Mapping[str, str]) -> Table:
    """A row for each tier that was asked or judged.

    Args:
        pools: the pool that was asked, by tier.
    """
    table = Table("tier", "pool", "graded", "quality", "tokens", "no answer", "no grade", title="outcomes")
    seen = {*pools, *tally.qualities, *tally.missing, *tally.unjudged}
    for tier in filter(seen.__contains__, TIERS):
        quality, tokens = tally.qualities.get(tier, []), tally.tokens.get(tier, [])
        counts = (str(tally.missing[tier]), str(tally.unjudged[tier]))
        table.add_row(tier, pools.get(tier, "-"), str(len(quality)), _mean(quality, 3), _mean(tokens, 0), *counts)
    return table


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{sum(values) / len(values):.{digits}f}" if values else "-"
