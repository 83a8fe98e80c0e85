"""`signalbox apply`: give a running local fleet another spec."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

import typer

from cluster.spec import FleetSpec
from deployments.config import LAPTOP, serve_config
from deployments.local.apply import RunningFleet
from deployments.local.folders import FleetFolder, fleet_folders, is_endpoint
from deployments.running_spec import changes, needs_restart, version, whole
from signalbox.client import EndpointError, get_json
from signalbox.console import FAILED, WRONG_INPUT, SpecArgument, fail, load_or_exit, note, out

FOLLOWED_AFTER_S = 30.0
"""How long gateways may take to follow a spec; a busy machine needs more than the usual second."""


@dataclass(frozen=True)
class Difference:
    """What changes from one spec to another: paths of fields, such as `pools.small.prices.output_per_mtok`."""

    in_place: tuple[str, ...]
    restart: tuple[str, ...]
    """These need new processes."""


def difference(before: FleetSpec, after: FleetSpec) -> Difference:
    """Return what changes between two specs of one fleet."""
    restart = tuple(changes(needs_restart(before), needs_restart(after)))
    everything = tuple(changes(whole(before), whole(after)))
    return Difference(tuple(path for path in everything if path not in restart), restart)


def apply(
    spec: SpecArgument,
    restart: Annotated[bool, typer.Option("--restart", help="Also apply what replaces every replica.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
) -> None:
    """Give the running fleet with this spec's port another spec, and show what changes in place and what restarts."""
    fleet = load_or_exit(spec)
    folder = _folder_of(fleet)
    try:
        running = RunningFleet(folder)
    except ConnectionError as error:
        fail(f"the fleet at {folder.url} does not answer: {error}", FAILED)
    if running.spec.name != fleet.name:
        fail(f"name: invalid value '{fleet.name}', the fleet at {folder.url} is '{running.spec.name}'", WRONG_INPUT)
    found = difference(running.spec, fleet)
    _show(found)
    if dry_run or not (found.in_place or found.restart):
        return
    if found.restart and not restart:
        fail("nothing was applied: add --restart to replace every replica", FAILED)
    running.deploy(serve_config(fleet, LAPTOP))
    if found.restart:
        out.print("Replicas are being replaced: see `signalbox status`.")
    else:
        _wait_for(folder.url, version(fleet))


def _folder_of(fleet: FleetSpec) -> FleetFolder:
    """The folder of the running fleet with this spec's port."""
    url = f"http://{LAPTOP.host}:{fleet.gateway.port}"
    found = next((each for each in fleet_folders() if each.runs and is_endpoint(each, url)), None)
    if found is None:
        fail(f"no fleet of `signalbox serve` runs at {url}: start it, or set gateway.port", WRONG_INPUT)
    return found


def _show(found: Difference) -> None:
    for path in found.in_place:
        out.print(f"in place: {path}", highlight=False)
    for path in found.restart:
        out.print(f"restart:  {path}", highlight=False)
    if not (found.in_place or found.restart):
        out.print("No changes.")


def _wait_for(url: str, wanted: str) -> None:
    began = time.monotonic()
    while time.monotonic() - began < FOLLOWED_AFTER_S:
        try:
            if get_json(url, "/ready")["spec"] == wanted:
                out.print(f"In force after {time.monotonic() - began:.1f} s: spec {wanted}.", highlight=False)
                return
        except EndpointError as error:
            note(str(error))
        time.sleep(0.1)
    text = f"spec {wanted} is not in force after {FOLLOWED_AFTER_S:.0f} s"
    fail(f"{text}: `signalbox logs --pool gateway` says why", FAILED)
