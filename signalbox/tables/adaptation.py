"""What `signalbox router curve` prints."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table

from training.judge.adaptation import Curves, Point


def table(curves: Curves) -> Table:
    """A row per number of labels: the mean over families with its interval, then each file's value."""
    stems = list(curves.length.apgr)
    made = Table(title="APGR / gain_share by own labels", box=SIMPLE_HEAD, pad_edge=False)
    made.add_column("labels", justify="right", no_wrap=True)
    made.add_column("mean of families (95%)", no_wrap=True)
    for stem in stems:
        made.add_column(stem, justify="right")
    rows = {"length": curves.length} | {f"{point.labels}": point for point in curves.points}
    for name, point in rows.items():
        made.add_row(name, _mean(point), *(_pair(point.apgr, point.gain_share, stem) for stem in stems))
    made.caption = "length: the longest queries go to the highest tier, in the mix of tiers that is best afterwards"
    return made


def _mean(point: Point) -> str:
    values = (point.macro_apgr, point.apgr_ci), (point.macro_gain_share, point.gain_share_ci)
    return " / ".join(f"{value:.3f}" + (f" ({ci[0]:.3f} to {ci[1]:.3f})" if ci else "") for value, ci in values)


def _pair(apgr: Mapping[str, float], gain_share: Mapping[str, float], stem: str) -> str:
    if stem not in apgr:
        return "-"
    return " / ".join("-" if math.isnan(value) else f"{value:.3f}" for value in (apgr[stem], gain_share[stem]))
