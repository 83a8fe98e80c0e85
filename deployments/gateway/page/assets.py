"""Serves the live page's files over HTTP, compressed once, with security headers.

The files need no API key, because they are the same for everyone. The page's data needs one.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.resources import files
from importlib.resources.abc import Traversable

from deployments.gateway.exchange import Exchange

FOLDER = "/page/"
"""URL folder of the page's files. The page itself is at `/`."""
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        # Plotly writes style attributes and a style element. Without 'unsafe-inline' they are blocked and charts break.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""Content-Security-Policy: only the endpoint's own scripts and requests, so queries and answers can never run code."""
SECURITY = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
REVALIDATE = "no-cache"
"""Browsers cache the file but revalidate it each time, so a new version of the page shows immediately."""
KEEP_A_DAY = "public, max-age=86400"
"""Caching of the chart library, 4.8 MB that change only with the installed plotly."""


@dataclass(frozen=True)
class Asset:
    """One file. It is read and compressed at its first request."""

    source: Traversable
    caching: str = REVALIDATE

    @property
    def content_type(self) -> str:
        """The MIME type, by the name's suffix."""
        return TYPES[self.source.name.rpartition(".")[2]]

    @cached_property
    def body(self) -> bytes:
        """The file's bytes."""
        return self.source.read_bytes()

    @cached_property
    def packed(self) -> bytes:
        """The file's bytes, compressed with gzip."""
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def tag(self) -> str:
        """The file's ETag."""
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:24]}"'

    async def serve(self, exchange: Exchange) -> None:
        """Send the file, or 304 to a browser that has it."""
        # Compressing the chart library takes a third of a second, which must not block other requests.
        packed = await asyncio.to_thread(lambda: self.packed)
        caching = {"cache-control": self.caching, "etag": self.tag, "vary": "accept-encoding"}
        exchange.response_headers |= SECURITY | caching
        if self.tag in exchange.headers.get("if-none-match", ""):
            await exchange.start(304, self.content_type)
            return await exchange.write(b"", more=False)
        if "gzip" not in exchange.headers.get("accept-encoding", ""):
            return await exchange.reply(200, self.body, self.content_type)
        exchange.response_headers["content-encoding"] = "gzip"
        return await exchange.reply(200, packed, self.content_type)


Routes = dict[str, dict[str, Callable[[Exchange], Awaitable[None]]]]


def routes() -> Routes:
    """Every path of the page with its handler: `/`, the files in this folder, and plotly's JavaScript."""
    here = files("deployments.gateway.page")
    assets = {
        FOLDER + each.name: Asset(each)
        for each in sorted(here.iterdir(), key=lambda each: each.name)
        if each.name.rpartition(".")[2] in TYPES and each.name != "index.html"
    }
    assets["/"] = Asset(here / "index.html")
    assets[FOLDER + "plotly.min.js"] = Asset(files("plotly") / "package_data" / "plotly.min.js", KEEP_A_DAY)
    return {path: {"GET": partial(Asset.serve, asset)} for path, asset in assets.items()}
