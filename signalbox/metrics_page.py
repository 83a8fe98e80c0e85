"""`signalbox metrics`: every metric, its meaning and what to do when it moves, from the table the code counts by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deployments.metrics.definition import Definition, definitions
from deployments.metrics.gateway import SECTIONS
from deployments.metrics.vllm import VLLM

INTRODUCTION = """# Metrics

Ray exports the metrics of every process on its node. Prometheus scrapes the nodes (`signalbox render SPEC -o FOLDER`
writes the PodMonitor, `make monitor` does it on a laptop), and `GET /metrics` of the endpoint joins all nodes for a
look by hand. This page is the output of `signalbox metrics`.

- Names are given as Prometheus sees them. Of a histogram there are three series: `_bucket`, `_sum` and `_count`.
- Besides the labels below, every series has Ray's own (`WorkerId`, `NodeAddress`, `SessionName` and others), which
  differ by process. So sum over them, as in `sum by (pool) (rate(ray_signalbox_requests_total[5m]))`. Of a gauge
  marked *max* several processes tell the same: take the `max`.
- A counter has no series before its first increment: write `or vector(0)` where a query has to answer always. It
  begins anew when its process does, which `rate` and `increase` know.
- Ray takes a process's numbers every few seconds. A gauge whose process has ended is gone after two such times; its
  counters stay as they were.
- Labels take few values: names of the spec and fixed words. No text of a client's, no request id and no key is ever in
  a metric. A label without a value is left out.
- A stream that breaks is ended with an error event and counted. None is continued on another replica yet, so nothing
  counts that.
"""
FOREIGN = """## vLLM's own

vLLM counts through Ray as well, for pools of `engine.kind: vllm`. These are the ones that dashboards and alerts read;
vLLM's documentation has the others, and Ray's has those of Ray Serve (`ray_serve_*`).
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
