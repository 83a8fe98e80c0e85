"""Files that survive a crash: what is written is on disk when the call returns, complete or not at all."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_FILE_BYTES = 64 * 2**20
"""A folder begins another file then, so that old ones can be moved away."""


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file's content; a crash leaves either the old content or the new one.

    Raises:
        OSError: it could not be stored; the old content stays.
    """
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class JsonLines:
    """One growing file of JSON lines, safe to append to from several threads of one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def append(self, line: Mapping[str, Any]) -> int:
        """Write a line and wait for the disk; returns the file's size in bytes.

        Raises:
            OSError: it could not be stored; nothing of it is left in the file.
        """
        data = memoryview(json.dumps(line).encode() + b"\n")  # ASCII: any text can be written, lone surrogates too
        with self._lock:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                before = os.fstat(descriptor).st_size
                return self._write(descriptor, data, before)
            finally:
                os.close(descriptor)

    def _write(self, descriptor: int, data: memoryview, before: int) -> int:
        written = 0
        try:
            while written < len(data):
                written += os.write(descriptor, data[written:])
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
        return before + written


class JsonLinesFolder:
    """A folder with files of one process: names begin with the time, so that sorting them gives their order."""

    def __init__(self, folder: Path, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self.folder = folder
        self.max_file_bytes = max_file_bytes
        self._file: JsonLines | None = None

    def append(self, line: Mapping[str, Any]) -> None:
        """As JsonLines.append, into a new file where the present one is full."""
        file = self._file or self._new()
        self._file = file if file.append(line) < self.max_file_bytes else None

    def _new(self) -> JsonLines:
        # Prompts are private: only the owner may open the folder.
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:8]}.jsonl"
        return JsonLines(self.folder / name)
