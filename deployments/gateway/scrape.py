"""`/metrics` of the whole fleet: what every Ray node exports, joined into one page that Prometheus can read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

import httpx
import ray

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OURS = re.compile(r"^ray_(signalbox|vllm|serve)_")
"""Ray exports hundreds of its own metrics on each node; the endpoint shows the serving ones."""
TIMEOUT_S = 5.0
"""A node left out is a hole in every graph; Prometheus itself waits for ten seconds."""


def join(pages: Iterable[str]) -> bytes:
    """One exposition page out of several, every family once: the first HELP and TYPE, then all samples.

    Lines are sorted by family and not read any further: a fleet's page has megabytes, and requests wait meanwhile.
    """
    families: dict[str, dict[str, str]] = {}
    for page in pages:
        lines: dict[str, str] = {}
        for line in page.split("\n"):
            if line.startswith(("# HELP ", "# TYPE ")):
                name = line.split(" ", 3)[2]
                lines = families.setdefault(name, {}) if OURS.match(name) else {}
                lines.setdefault(line[:7], line)
            elif line:
                lines[line] = line
    return "".join(f"{line}\n" for lines in families.values() for line in lines.values()).encode()


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
