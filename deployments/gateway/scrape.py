"""`/metrics` for the whole fleet: the exports of every Ray node, joined into one page for Prometheus."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

import httpx
import ray

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SERVING_METRIC = re.compile(r"^ray_(signalbox|vllm|serve)_")
"""Ray exports hundreds of metrics about itself on each node; the endpoint shows only these."""
TIMEOUT_S = 5.0
"""Time limit for one node. A node without a response leaves a gap in every graph; Prometheus waits ten seconds."""


def join(pages: Iterable[str]) -> bytes:
    """Join exposition pages into one with every family once: the first HELP and TYPE, then all samples.

    It groups lines by family and does not parse samples, because a fleet's page has megabytes and requests wait
    meanwhile.
    """
    families: dict[str, dict[str, str]] = {}
    for page in pages:
        lines: dict[str, str] = {}
        for line in page.split("\n"):
            if line.startswith(("# HELP ", "# TYPE ")):
                name = line.split(" ", 3)[2]
                lines = families.setdefault(name, {}) if SERVING_METRIC.match(name) else {}
                lines.setdefault(line[:7], line)
            elif line:
                lines[line] = line
    return "".join(f"{line}\n" for lines in families.values() for line in lines.values()).encode()


async def joined() -> bytes:
    """Scrape every living node now. Nodes that do not respond are left out."""
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
