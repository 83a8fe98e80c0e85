"""The page of `signalbox metrics`: every metric, its meaning and what to do when it moves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deployments.metrics.definition import Definition, definitions
from deployments.metrics.gateway import SECTIONS
from deployments.metrics.vllm import VLLM

INTRODUCTION = """# Metrics

Ray exports the metrics of every process on its node. Prometheus scrapes the nodes: `signalbox render SPEC -o FOLDER`
writes the PodMonitor, and `make monitor` does it on a laptop. `GET /metrics` of the endpoint joins all nodes for a
quick look. This page is the output of `signalbox metrics`.

- Names are as Prometheus sees them. A histogram has three series: `_bucket`, `_sum` and `_count`.
- Every series also has Ray's own labels (`WorkerId`, `NodeAddress`, `SessionName` and others), which differ by process.
  Sum over them, as in `sum by (pool) (rate(ray_signalbox_requests_total[5m]))`. For a gauge marked *max*, several
  processes report the same value: use `max`.
- A counter has no series before its first increment: add `or vector(0)` to a query that must always return a value.
  A counter restarts at 0 with its process, which `rate` and `increase` take into account.
- Ray collects the metrics of a process every few seconds. The gauges of an ended process disappear after two
  collections, and its counters keep their last value.
- Labels take few values: names from the spec and fixed words. Metrics never contain text from clients, request ids or
  keys. A label without a value is left out.
- A stream that breaks ends with an error event and is counted. Signalbox does not continue it on another replica.
"""
FOREIGN = """## vLLM's own

vLLM also exports its metrics through Ray, for pools with `engine.kind: vllm`. This table has the ones that dashboards
and alerts use. vLLM's documentation lists the others, and Ray's documentation lists those of Ray Serve (`ray_serve_*`).
"""


def metrics_page() -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION]
    for section in SECTIONS:
        parts += [f"## {(section.__doc__ or '').strip().removesuffix('.')}\n", *_table(definitions([section])), ""]
    return "\n".join([*parts, FOREIGN, *_table(VLLM)])


def _table(metrics: Iterable[Definition]) -> Iterator[str]:
    yield "| name | kind | unit | labels | meaning | when it moves |\n|---|---|---|---|---|---|"
    for one in metrics:
        kind = f"{one.kind}, *max*" if one.over == "max" else one.kind
        labels = "<br>".join(f"`{name}`: {values}" for name, values in one.labels.items())
        yield f"| `{one.exposed}` | {kind} | {one.unit} | {labels} | {one.meaning} | {one.moves} |"
