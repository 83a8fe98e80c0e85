"""What `signalbox router train` prints: the training card of an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from cluster.pool import TIERS


def artifact_table(card: Mapping[str, Any], path: Path) -> Table:
    """Sources, labels and held-out metrics of the artifact in a file."""
    table = Table(title=f"{path} ({path.stat().st_size / 1e6:.1f} MB)", show_header=False)
    for source in card["sources"]:
        tiers = ", ".join(f"{tier}={name}" for tier, name in source["models"].items())
        table.add_row("source", f"{source['file']}: {source['queries']} queries, {tiers}")
    table.add_row("labels", ", ".join(f"{tier} {card['labels'][tier]}" for tier in TIERS))
    held_out = card["held_out"]
    table.add_row("judged on", f"{held_out['queries']} queries that the judged members were not trained on")
    apgr = "unknown: no query has all tiers" if held_out["apgr"] is None else f"{held_out['apgr']:.3f}"
    table.add_row("APGR", apgr)
    errors = [f"{tier} {error:.3f}" for tier, error in held_out["ece"].items() if error is not None]
    table.add_row("calibration error", ", ".join(errors))
    return table
