"""Where the processes of a fleet log: one file for each process, in Ray Serve's log folder.

Serve opens a file for each replica and one for its controller. It also writes there what a replica prints, as lines of
level INFO. `deployments.config` sets the levels of Serve's own lines.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler, RotatingFileHandler
from pathlib import Path
from typing import Any

SERVE_LOGGER = "ray.serve"
OUR_LOGGER = "signalbox"
FORMAT = "%(levelname)s %(asctime)s {component} %(process)d -- %(message)s"
"""As Serve writes its lines."""
FILE_BYTES = 20 * 2**20
OLD_FILES = 3


def start_logging(level: str, component: str) -> None:
    """Send what Signalbox logs in this process to its log file.

    Args:
        level: the lowest level that is written, such as `info`.
        component: names the file of a process that Serve has none for, such as the fleet board's.
    """
    ours = logging.getLogger(OUR_LOGGER)
    ours.setLevel(level.upper())
    if not ours.handlers and (handler := _handler(component)) is not None:
        ours.addHandler(handler)


def _handler(component: str) -> logging.Handler | None:
    """None outside a process of Ray."""
    if _serves_handlers():
        return _ServesFile()
    from ray._private import worker  # Serve looks its folder up there, too

    node: Any = worker._global_node
    if node is None:
        return None
    folder = Path(node.get_logs_dir_path()) / "serve"
    folder.mkdir(exist_ok=True)
    handler = RotatingFileHandler(folder / f"{component}.log", maxBytes=FILE_BYTES, backupCount=OLD_FILES)
    handler.setFormatter(logging.Formatter(FORMAT.format(component=component)))
    return handler


class _ServesFile(logging.Handler):
    """Hands lines to Serve's own handlers, whatever Serve's level is. Serve may replace them, so they are looked up."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and not record.exc_text:
            # Serve replaces `print` in replicas, and logging's own text of a traceback is printed: as tuples there.
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        for handler in _serves_handlers():
            handler.handle(record)


def _serves_handlers() -> list[MemoryHandler]:
    """Serve writes its file through a handler that keeps some lines in memory first."""
    return [each for each in logging.getLogger(SERVE_LOGGER).handlers if isinstance(each, MemoryHandler)]


def log_file() -> str | None:
    """Path of the file that this process of Serve logs to; None outside one."""
    return next(
        (str(path) for each in _serves_handlers() if (path := getattr(each.target, "baseFilename", None))), None
    )


@contextmanager
def kept_open() -> Iterator[None]:
    """Give Serve's log handlers their targets back, whatever happens to them inside.

    `logging.config.dictConfig`, which vLLM calls as it is imported, closes every handler of the process, and a closed
    MemoryHandler has no target any more. The replica's lines would go nowhere. After a restart of Serve's controller
    the replica could also not say where its log is, for which it is stopped and replaced.
    """
    handlers = _serves_handlers()
    targets = [handler.target for handler in handlers]
    try:
        yield
    finally:
        for handler, target in zip(handlers, targets, strict=True):
            handler.setTarget(target)
