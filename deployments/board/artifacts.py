"""Artifacts that were put in use on a running fleet: the newest decides, the ones before it can be gone back to."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from deployments.durable_files import replace_file

KEEP = 5
"""Artifacts that are kept, the one in use included."""

log = logging.getLogger("signalbox.artifacts")


class Version(TypedDict):
    """One artifact."""

    version: str
    """Number in the order of use and the beginning of its SHA-256."""
    since_s: float
    """Unix time when it was put in use."""
    bytes: int


class ArtifactStore:
    """A folder with artifacts and an index of their order; what it says survives the process.

    Unreadable folders and indices count as empty, with a line in the log: routing must start all the same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count, self._since_s, self._versions = self._load()

    def state(self) -> dict[str, Any]:
        """The version in use, None for the spec's own; since when; and what came before, newest first."""
        *before, now = [None, *self._versions]
        previous = [version for version in reversed(before) if version is not None]
        return {"version": now["version"] if now else None, "since_s": self._since_s, "previous": previous}

    def read(self, version: str) -> bytes | None:
        """An artifact's bytes, None when it is not there any more."""
        if version not in [each["version"] for each in self._versions]:
            return None
        try:
            return self._path(version).read_bytes()
        except OSError as error:
            log.error("artifact %s cannot be read: %s", version, error)
            return None

    def use(self, data: bytes, now_s: float) -> None:
        """Put an artifact in use.

        Raises:
            OSError: it could not be stored; the one before stays in use.
        """
        version = f"{self._count + 1}-{hashlib.sha256(data).hexdigest()[:8]}"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self._path(version), data)
        entry = Version(version=version, since_s=now_s, bytes=len(data))
        dropped = [each["version"] for each in [*self._versions, entry][:-KEEP]]
        self._store(self._count + 1, now_s, [*self._versions, entry][-KEEP:])
        self._remove(dropped)

    def roll_back(self, now_s: float) -> bool:
        """Go back to the artifact before the one in use, at last to the spec's. False when that one is in use.

        Raises:
            OSError: it could not be stored; nothing has changed.
        """
        if not self._versions:
            return False
        dropped = self._versions[-1]["version"]
        self._store(self._count, now_s, self._versions[:-1])
        self._remove([dropped])
        return True

    def _path(self, version: str) -> Path:
        return self._folder / f"{version}.artifact"

    @property
    def _index(self) -> Path:
        return self._folder / "index.json"

    def _store(self, count: int, since_s: float, versions: list[Version]) -> None:
        index = {"count": count, "since_s": since_s, "versions": versions}
        replace_file(self._index, json.dumps(index).encode())
        self._count, self._since_s, self._versions = count, since_s, versions

    def _remove(self, versions: list[str]) -> None:
        for version in versions:
            self._path(version).unlink(missing_ok=True)

    def _load(self) -> tuple[int, float | None, list[Version]]:
        try:
            index: Mapping[str, Any] = json.loads(self._index.read_bytes())
            versions = [Version(version=str(v["version"]), since_s=float(v["since_s"]), bytes=int(v["bytes"]))
                        for v in index["versions"]]  # fmt: skip
            return int(index["count"]), float(index["since_s"]), versions
        except FileNotFoundError:
            return 0, None, []
        except (OSError, ValueError, LookupError, TypeError) as error:
            log.error("%s cannot be used, the spec's artifact decides: %s", self._index, error)
            return 0, None, []
