"""`signalbox metrics`: docs/metrics.md."""

from __future__ import annotations


def metrics() -> None:
    """Print the reference of every metric as Markdown."""
    # `signalbox serve` sets variables that Ray reads when it is imported, so no command imports Ray with its module.
    from signalbox.tables.metrics import metrics_page

    print(metrics_page())
