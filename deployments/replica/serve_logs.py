"""Serve's log in a process where a library reconfigures logging.

vLLM calls `logging.config.dictConfig` when it is imported. That closes every handler of the process, and a closed
MemoryHandler loses its target. Serve's log is such a handler: the replica's log lines are then lost. After a restart of
Serve's controller the replica cannot say where its log is either, so Serve stops and replaces it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler

SERVE_LOGGER = "ray.serve"


@contextmanager
def kept_open() -> Iterator[None]:
    """Restore the targets of Serve's log handlers at the end of the block."""
    handlers = [each for each in logging.getLogger(SERVE_LOGGER).handlers if isinstance(each, MemoryHandler)]
    targets = [handler.target for handler in handlers]
    try:
        yield
    finally:
        for handler, target in zip(handlers, targets, strict=True):
            handler.setTarget(target)
