"""Serve's log in a process where a library sets logging up anew.

`logging.config.dictConfig`, which vLLM calls as it is imported, closes every handler of the process, and a closed
MemoryHandler has no target any more. Serve's log is such a handler: what a replica says then goes nowhere, and after a
restart of Serve's controller the replica fails the question where its log is, for which it is stopped and replaced.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler

SERVE_LOGGER = "ray.serve"


@contextmanager
def kept_open() -> Iterator[None]:
    """Gives Serve's log handlers their targets back, whatever happens to them inside."""
    handlers = [each for each in logging.getLogger(SERVE_LOGGER).handlers if isinstance(each, MemoryHandler)]
    targets = [handler.target for handler in handlers]
    try:
        yield
    finally:
        for handler, target in zip(handlers, targets, strict=True):
            handler.setTarget(target)
