"""What `signalbox collect` checks before it asks anything: pools that are ready, and a file to go on with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.pool import TIERS
from cluster.problems import did_you_mean
from signalbox.client import EndpointError, get_json


class Refused(Exception):
    """The command cannot do what it was asked to; the message says what to write."""


def ready_pools(url: str) -> dict[str, str]:
    """Tiers of the pools that can answer now, by pool.

    Raises:
        Refused: there is none.
        EndpointError: the fleet is not reached.
    """
    fleet = get_json(url, "/v1/fleet").get("pools")
    if not isinstance(fleet, dict):
        raise EndpointError(f"{url}/v1/fleet names no pools: is it a Signalbox endpoint?")
    ready = {name: pool["tier"] for name, pool in fleet.items() if pool["ready"]}
    if not ready:
        raise Refused(
            f"no pool of {url} is ready ({', '.join(fleet)} are not): wait until `signalbox status` shows one"
        )
    return ready


def choose_pools(ready: Mapping[str, str], named: Sequence[str] | None) -> dict[str, str]:
    """The pool to ask by tier: those named, else the first ready one of each tier.

    Raises:
        Refused: a pool is not there or not ready, or two are of one tier.
    """
    chosen: dict[str, str] = {}
    for name in named or ():
        if name not in ready:
            raise Refused(f"--pools: found '{name}', which is not ready: {did_you_mean(name, ready)}")
        tier = ready[name]
        if chosen.setdefault(tier, name) != name:
            raise Refused(f"--pools: {chosen[tier]} and {name} are both of tier {tier}: name one of them")
    if not named:
        for name, tier in ready.items():
            chosen.setdefault(tier, name)
    return {tier: chosen[tier] for tier in TIERS if tier in chosen}


def choose_judge(ready: Mapping[str, str], named: str | None) -> str:
    """The pool that judges.

    Raises:
        Refused: it is not there or not ready.
    """
    if named is None:
        return max(ready, key=lambda pool: TIERS.index(ready[pool]))
    if named not in ready:
        raise Refused(f"--judge-pool: found '{named}', which is not ready: {did_you_mean(named, ready)}")
    return named


def done_ids(output: Path, resume: bool) -> set[str]:
    """Ids of the prompts an outcome file has; a last line that was cut off is removed.

    Raises:
        Refused: the file is there and not to be resumed, or nothing that can be.
        OSError: it cannot be read.
    """
    if output.suffix == ".gz":
        raise Refused(f"{output}: lines are added one by one: write to a .jsonl file and compress it afterwards")
    if not output.exists():
        return set()
    if not resume:
        raise Refused(f"{output}: exists: write --resume to go on with it, or another name")
    data = output.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with output.open("r+b") as file:
            file.truncate(len(whole))
    return {_id(output, number, line) for number, line in enumerate(whole.splitlines(), start=1)}


def _id(output: Path, number: int, line: bytes) -> str:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, LookupError, TypeError) as error:
        raise Refused(
            f"{output}:{number}: id: is missing: only what `signalbox collect` wrote can be resumed"
        ) from error
