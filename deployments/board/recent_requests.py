"""Requests that were answered lately, by their id, within bounds of number and memory."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterable

from deployments.board.records import Limits, Recent

OVERHEAD_BYTES = 1_000
"""What an entry takes beside its texts, roughly."""


class RecentRequests:
    """Remembers the newest requests; an id that comes again stands for its newest request."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._entries: OrderedDict[str, Recent] = OrderedDict()
        self._bytes = 0

    def remember(self, entries: Iterable[Recent]) -> None:
        """Add requests, and forget the oldest where there are too many."""
        for entry in entries:
            self._forget(entry.request_id)
            self._entries[entry.request_id] = entry
            self._bytes += _size(entry)
        while len(self._entries) > self._limits.requests or self._bytes > self._limits.bytes:
            self._forget(next(iter(self._entries)))

    def find(self, request_id: str) -> Recent | None:
        """The request of an id. Also by the `id` of an answer's body, which has a prefix and a suffix around it."""
        inner = request_id.partition("-")[2].rpartition("-")[0]
        return self._entries.get(request_id) or self._entries.get(inner)

    def _forget(self, request_id: str) -> None:
        if entry := self._entries.pop(request_id, None):
            self._bytes -= _size(entry)


def _size(entry: Recent) -> int:
    return OVERHEAD_BYTES + sum(sys.getsizeof(value) for value in entry.line.values())
