"""Reads the log files of a local fleet: one for each replica, Serve's controller, its proxies and the fleet board."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LAST_BYTES = 2**20
"""The first read of a file begins so far before its end."""
BEGINS = re.compile(r"[A-Z]+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) ")
"""The first line of an entry; a traceback follows on the next lines."""
REPLICA = re.compile(r"replica_(?P<app>[^_]+)_(?P<deployment>[^_]+)_(?P<id>[^_]+)\.log")


@dataclass(frozen=True)
class Entry:
    """One log line with what belongs to it."""

    time: str
    """Such as `2026-11-30 12:00:00,123`: the order of texts is the order of times."""
    text: str


def pool_of(path: Path) -> str | None:
    """The deployment that a log file belongs to: a pool or the gateway; None for other processes."""
    match = REPLICA.fullmatch(path.name)
    return match["deployment"] if match else None


class LogReader:
    """Reads what has been written since the last call."""

    def __init__(self, logs: Path, pool: str | None = None) -> None:
        self._folder = logs / "serve"
        self._pool = pool
        self._read: dict[Path, int] = {}
        """Bytes of each file that were read."""

    def files(self) -> list[Path]:
        """The files that are read: all, or those of one pool."""
        paths = sorted(self._folder.glob("*.log"))
        return [path for path in paths if self._pool is None or pool_of(path) == self._pool]

    def pools(self) -> list[str]:
        """Deployments that have log files."""
        return sorted({pool for path in self._folder.glob("*.log") if (pool := pool_of(path))})

    def new_entries(self) -> list[Entry]:
        """Complete entries since the last call, the oldest first."""
        found: list[Entry] = []
        for path in self.files():
            with suppress(FileNotFoundError):  # the fleet ends, or Serve begins a new file
                found += _entries(self._new_lines(path))
        return sorted(found, key=lambda entry: entry.time)

    def _new_lines(self, path: Path) -> list[str]:
        size = path.stat().st_size
        first_time = path not in self._read
        begin = max(0, size - LAST_BYTES) if first_time else self._read[path]
        if begin > size:  # Serve has begun a new file
            begin = 0
        with path.open("rb") as file:
            file.seek(begin)
            data = file.read(size - begin)
        complete = data[: data.rfind(b"\n") + 1]
        self._read[path] = begin + len(complete)
        lines = complete.decode(errors="replace").splitlines()
        return lines[1:] if first_time and begin else lines


def _entries(lines: list[str]) -> Iterator[Entry]:
    """Lines that belong together. What comes before the first whole entry sorts first."""
    time, together = "", list[str]()
    for line in lines:
        if match := BEGINS.match(line):
            if together:
                yield Entry(time, "\n".join(together))
            time, together = match[1], []
        together.append(line)
    if together:
        yield Entry(time, "\n".join(together))
