"""Artifacts that were put in use on a running fleet: the newest decides, and the ones before it are kept."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deployments.board.durable_files import replace_file
from deployments.board.messages import ArtifactState, ArtifactVersion

KEEP = 5
"""Artifacts that are kept, including the one in use."""

log = logging.getLogger("signalbox.artifacts")


class ArtifactStore:
    """A folder with artifacts and an index of their order, which survive the process.

    An unreadable folder or index counts as empty and is logged: routing must start in any case.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count, self._since_s, self._versions = self._load()

    def state(self) -> ArtifactState:
        """What is in use, since when, and what came before."""
        if not self._versions:
            return ArtifactState(None, self._since_s)
        *before, newest = self._versions
        return ArtifactState(newest.version, self._since_s, tuple(reversed(before)))

    def read(self, version: str) -> bytes | None:
        """An artifact's bytes; None if it is no longer kept."""
        if version not in [each.version for each in self._versions]:
            return None
        try:
            return self._path(version).read_bytes()
        except OSError as error:
            log.error("cannot read artifact %s: %s", version, error)
            return None

    def use(self, data: bytes, now_s: float) -> None:
        """Put an artifact in use.

        Raises:
            OSError: it could not be stored; the one before stays in use.
        """
        version = f"{self._count + 1}-{hashlib.sha256(data).hexdigest()[:8]}"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self._path(version), data)
        versions = [*self._versions, ArtifactVersion(version, now_s, len(data))]
        self._store(self._count + 1, now_s, versions[-KEEP:])
        self._remove(versions[:-KEEP])

    def roll_back(self, now_s: float) -> bool:
        """Return to the artifact before the one in use, in the end to the spec's. False if the spec's is in use.

        Raises:
            OSError: it could not be stored; nothing has changed.
        """
        if not self._versions:
            return False
        *versions, dropped = self._versions
        self._store(self._count, now_s, versions)
        self._remove([dropped])
        return True

    def _path(self, version: str) -> Path:
        return self._folder / f"{version}.artifact"

    @property
    def _index(self) -> Path:
        return self._folder / "index.json"

    def _store(self, count: int, since_s: float, versions: list[ArtifactVersion]) -> None:
        index = {"count": count, "since_s": since_s, "versions": [asdict(each) for each in versions]}
        replace_file(self._index, json.dumps(index).encode())
        self._count, self._since_s, self._versions = count, since_s, versions

    def _remove(self, versions: list[ArtifactVersion]) -> None:
        for each in versions:
            self._path(each.version).unlink(missing_ok=True)

    def _load(self) -> tuple[int, float | None, list[ArtifactVersion]]:
        try:
            index: Mapping[str, Any] = json.loads(self._index.read_bytes())
            versions = [
                ArtifactVersion(str(each["version"]), float(each["since_s"]), int(each["bytes"]))
                for each in index["versions"]
            ]
            return int(index["count"]), float(index["since_s"]), versions
        except FileNotFoundError:
            return 0, None, []
        except (OSError, ValueError, LookupError, TypeError) as error:
            log.error("%s cannot be used, using the spec's artifact: %s", self._index, error)
            return 0, None, []
