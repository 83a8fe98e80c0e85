"""The folders of local fleets: where `signalbox serve` keeps its files, and how other commands find them."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

PARENT = Path("/tmp")
"""Not the system's temp folder: sockets need a short path."""
PREFIX = "signalbox-"
ABOUT = "fleet.json"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class FleetFolder:
    """The folder of one local fleet."""

    path: Path
    url: str
    """The endpoint."""
    pid: int
    """The process of `signalbox serve`."""
    ray: str = ""
    """Address of its Ray cluster; empty before the cluster has started."""

    @property
    def runs(self) -> bool:
        """Whether `signalbox serve` has not ended."""
        return psutil.pid_exists(self.pid)


def make_folder() -> Path:
    """A new folder that only this user can read."""
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=PARENT))


def describe(path: Path, url: str, ray: str = "") -> None:
    """Note in a fleet's folder its endpoint, the address of its Ray cluster, and that this process serves it."""
    (path / ABOUT).write_text(json.dumps({"url": url, "pid": os.getpid(), "ray": ray}))


def logs_folder(path: Path) -> Path:
    """Ray's log folder of a fleet."""
    return path / "ray" / "session_latest" / "logs"


def fleet_folders() -> list[FleetFolder]:
    """The folders of this user's fleets on this machine: those that run first, then the newest first."""
    paths = [path for path in PARENT.glob(f"{PREFIX}*/{ABOUT}") if path.stat().st_uid == os.getuid()]
    newest_first = sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)
    return sorted(map(_read, newest_first), key=lambda folder: not folder.runs)


def _read(path: Path) -> FleetFolder:
    about = json.loads(path.read_text())
    return FleetFolder(path.parent, str(about["url"]), int(about["pid"]), str(about.get("ray", "")))


def is_endpoint(folder: FleetFolder, url: str) -> bool:
    """Whether a URL is the endpoint of a local fleet, under any name of this machine's loopback address."""
    asked, ours = urlsplit(url if "://" in url else f"http://{url}"), urlsplit(folder.url)
    return asked.hostname in LOOPBACK and asked.port == ours.port
