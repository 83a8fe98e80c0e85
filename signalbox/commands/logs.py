"""`signalbox logs`: what the processes of a local fleet have logged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from deployments.local.folders import fleet_folders, is_endpoint, logs_folder
from deployments.local.log_files import Entry, LogReader
from signalbox.client import DEFAULT_URL
from signalbox.console import WRONG_INPUT, UrlOption, fail

POLL_S = 0.5
ON_KUBERNETES = (
    "On Kubernetes the same files are in each pod: "
    "kubectl exec POD -c ray-worker -- sh -c 'tail -F /tmp/ray/session_latest/logs/serve/*.log'"
)


def logs(
    url: UrlOption = DEFAULT_URL,
    folder: Annotated[Path | None, typer.Option(help="The fleet's folder, instead of --url.")] = None,
    pool: Annotated[str | None, typer.Option(help="Only replicas of this pool, or `gateway`.")] = None,
    lines: Annotated[int, typer.Option(min=0, help="How many of the newest entries to show first.")] = 200,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new entries, until Ctrl-C.")] = False,
) -> None:
    """Show the log of a fleet that `signalbox serve` started here: gateway, replicas, fleet board and controller."""
    files = logs_folder(folder or _folder_of(url))
    if not files.is_dir():
        fail(f"--folder: no logs in {files}: use the folder in /tmp that belongs to a fleet", WRONG_INPUT)
    reader = LogReader(files, pool)
    entries = reader.new_entries()
    if pool is not None and not reader.files():
        fail(f"--pool: invalid value '{pool}', known values: {', '.join(reader.pools()) or 'none yet'}", WRONG_INPUT)
    _show(entries[len(entries) - lines :] if lines < len(entries) else entries)
    try:
        while follow:
            time.sleep(POLL_S)
            _show(reader.new_entries())
    except KeyboardInterrupt:
        pass


def _folder_of(url: str) -> Path:
    """The folder of the fleet with this endpoint.

    Raises:
        typer.Exit: there is none; what is printed says which ones there are.
    """
    known = fleet_folders()
    if found := next((each for each in known if is_endpoint(each, url)), None):
        return found.path
    running = ", ".join(each.url for each in known if each.runs) or "none"
    text = f"`signalbox serve` runs no fleet at {url} on this machine. Running fleets: {running}."
    fail(f"{text} Name one with --url, or the folder of one with --folder. {ON_KUBERNETES}", WRONG_INPUT)


def _show(entries: list[Entry]) -> None:
    for entry in entries:
        print(entry.text, flush=True)
