"""Recently answered requests by their id, bounded in number and memory."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterable

from deployments.board.records import Limits, Recent

OVERHEAD_BYTES = 1_000
"""Roughly what an entry takes in addition to its texts."""


class RecentRequests:
    """Remembers the newest requests. An id that comes again belongs to its newest request."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._entries: OrderedDict[str, Recent] = OrderedDict()
        self._bytes = 0

    def remember(self, entries: Iterable[Recent]) -> None:
        """Add requests; drop the oldest if there are too many."""
        for entry in entries:
            self._forget(entry.request_id)
            self._entries[entry.request_id] = entry
            self._bytes += size_of(entry)
        while len(self._entries) > self._limits.requests or self._bytes > self._limits.bytes:
            self._forget(next(iter(self._entries)))

    def get(self, request_id: str) -> Recent | None:
        """The request of an id."""
        return self._entries.get(request_id)

    def find(self, request_id: str) -> Recent | None:
        """The request of an id, or of the `id` in an answer's body, which adds a prefix and a suffix."""
        inner = request_id.partition("-")[2].rpartition("-")[0]
        return self._entries.get(request_id) or self._entries.get(inner)

    def _forget(self, request_id: str) -> None:
        if entry := self._entries.pop(request_id, None):
            self._bytes -= size_of(entry)


def size_of(entry: Recent) -> int:
    return OVERHEAD_BYTES + sum(sys.getsizeof(value) for value in entry.line.values())
