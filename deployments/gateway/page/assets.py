"""The live page's files over HTTP: their types, compressed once, and headers that keep the page to itself.

Nobody needs a key for them: they are the same for everyone and say nothing of the fleet. The page's data needs one.
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
"""Where the page's files are, beside `/` itself."""
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
        # Plotly writes style attributes and a style element; without them Chromium complains and charts look wrong.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
"""No script, style or request but the endpoint's own: what a query or an answer holds cannot become any."""
SECURITY = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
REVALIDATE = "no-cache"
"""Browsers keep the file and ask each time whether it is the same: a new version of the page shows at once."""
KEEP_A_DAY = "public, max-age=86400"
"""For the chart library: 4.8 MB that change only when another plotly is installed."""


@dataclass(frozen=True)
class Asset:
    """One file; read and compressed at its first request."""

    source: Traversable
    caching: str = REVALIDATE

    @property
    def content_type(self) -> str:
        """By the name's ending."""
        return TYPES[self.source.name.rpartition(".")[2]]

    @cached_property
    def body(self) -> bytes:
        """The file's bytes."""
        return self.source.read_bytes()

    @cached_property
    def packed(self) -> bytes:
        """The same, compressed by gzip."""
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def tag(self) -> str:
        """Its ETag."""
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:24]}"'

    async def serve(self, exchange: Exchange) -> None:
        """The file, or 304 to a browser that has it."""
        # The chart library takes a third of a second to compress: other requests do not wait for that.
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
    """Every path of the page with its handler: `/`, the files beside this module, and plotly's own JavaScript."""
    here = files("deployments.gateway.page")
    assets = {
        FOLDER + each.name: Asset(each)
        for each in sorted(here.iterdir(), key=lambda each: each.name)
        if each.name.rpartition(".")[2] in TYPES and each.name != "index.html"
    }
    assets["/"] = Asset(here / "index.html")
    assets[FOLDER + "plotly.min.js"] = Asset(files("plotly") / "package_data" / "plotly.min.js", KEEP_A_DAY)
    return {path: {"GET": partial(Asset.serve, asset)} for path, asset in assets.items()}
