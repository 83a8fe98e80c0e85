"""The labels of a fleet: a bounded file that survives the process."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deployments.board.durable_files import replace_file

SLACK = 1.25
"""The file is written again when it has so many times the labels that are kept."""

log = logging.getLogger("signalbox.labels")


class LabelStore:
    """Keeps the newest labels. Nobody but the owner of the folder may read them."""

    def __init__(self, path: Path, keep: int, keep_s: float) -> None:
        self.path = path
        self._keep = keep
        self._keep_s = keep_s
        self._lines: list[Mapping[str, Any]] = list(self._load())
        self._counts = _by_source(self._lines)
        """Kept, because every exchange with a gateway asks for it."""

    def __len__(self) -> int:
        return len(self._lines)

    def counts(self) -> dict[str, int]:
        """Labels by source."""
        return dict(self._counts)

    def add(self, lines: Iterable[Mapping[str, Any]], now_s: float) -> int:
        """Add labels; labels that are too many or too old are dropped. Returns the number added.

        Raises:
            OSError: they could not be stored. They count until the process ends.
        """
        new = list(lines)
        self._lines += new
        self._counts += _by_source(new)
        if len(self._lines) > SLACK * self._keep:
            self._trim(now_s)
        elif new:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self.path.open("ab") as file:
                file.write(_lines(new))
        return len(new)

    def write(self, path: Path, now_s: float) -> int:
        """Write the labels that count to another file. Returns their number."""
        counting = self.counting(now_s)
        path.write_bytes(_lines(counting))
        return len(counting)

    def counting(self, now_s: float) -> list[Mapping[str, Any]]:
        """Return the labels that count, as JSON objects, oldest first."""
        return [line for line in self._lines if now_s - float(line["at_s"]) <= self._keep_s][-self._keep :]

    def _trim(self, now_s: float) -> None:
        self._lines = self.counting(now_s)
        self._counts = _by_source(self._lines)
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self.path, _lines(self._lines))

    def _load(self) -> Sequence[Mapping[str, Any]]:
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            log.error("%s cannot be read, starting without labels: %s", self.path, error)
            return []
        found = [line for line in map(_parsed, text.splitlines()) if line is not None]
        return found[-int(SLACK * self._keep) :]


def _parsed(text: str) -> dict[str, Any] | None:
    """A line with a time; None if it is damaged, as the last one may be after a crash."""
    try:
        line: dict[str, Any] = json.loads(text)
        float(line["at_s"])
        return line
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _by_source(lines: Iterable[Mapping[str, Any]]) -> Counter[str]:
    return Counter(str(line.get("source")) for line in lines)


def _lines(lines: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
