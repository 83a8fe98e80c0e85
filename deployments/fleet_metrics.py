"""`/metrics` of the whole fleet: what every Ray node exports, joined into one page that Prometheus can read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

import httpx
import ray
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OURS = re.compile(r"^ray_(signalbox|vllm|serve)_")
"""Ray exports hundreds of its own metrics on each node; the endpoint shows the serving ones."""
TIMEOUT_S = 2.0


class _Fixed(Collector):
    """Families that were scraped, as a collector."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def join(pages: Iterable[str]) -> bytes:
    """One exposition page out of several, every family once.

    Counters come out of Ray named without `_total` in their TYPE line; samples keep the names they have.
    """
    families: dict[str, Metric] = {}
    for page in pages:
        for family in text_string_to_metric_families(page):
            if OURS.match(family.name):
                kept = families.setdefault(family.name, family)
                if kept is not family:
                    kept.samples += family.samples
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Fixed(families.values()))
    return generate_latest(registry)


async def joined() -> bytes:
    """Scrape every living node now. A node that does not answer is left out."""
    nodes = await asyncio.to_thread(ray.nodes)
    addresses = [(n["NodeManagerAddress"], n["MetricsExportPort"]) for n in nodes if n["Alive"]]
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        pages = await asyncio.gather(*(_scrape(client, host, port) for host, port in addresses))
    return join(pages)


async def _scrape(client: httpx.AsyncClient, host: str, port: int) -> str:
    try:
        return (await client.get(f"http://{host}:{port}/metrics")).text
    except httpx.HTTPError:
        return ""
