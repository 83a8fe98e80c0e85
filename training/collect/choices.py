"""What `signalbox collect` decides before it asks anything: the pools, the judge, and the prompts that are left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.pool import TIERS
from cluster.problems import Problems, did_you_mean


class Refused(Exception):
    """Nothing can be collected; the message says what to do."""


def ready_pools(pools: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Tiers of the pools that can answer now, by pool.

    Args:
        pools: as in GET /v1/fleet.

    Raises:
        Refused: no pool is ready.
    """
    ready = {name: str(pool["tier"]) for name, pool in pools.items() if pool["ready"]}
    if not ready:
        raise Refused(f"no pool is ready ({', '.join(pools)}): wait until `signalbox status` shows one")
    return ready


def choose_pools(ready: Mapping[str, str], named: Sequence[str] | None) -> dict[str, str]:
    """The pool to ask by tier: the named ones, else the first ready one of each tier.

    Raises:
        Problems: `pools` names one that does not exist or is not ready, or two of one tier.
    """
    chosen: dict[str, str] = {}
    for name in named or ():
        if name not in ready:
            raise Problems(pools=f"pool '{name}' is not ready, {did_you_mean(name, ready)}")
        tier = ready[name]
        if chosen.setdefault(tier, name) != name:
            raise Problems(pools=f"{chosen[tier]} and {name} are both of tier {tier}: name one of them")
    if not named:
        for name, tier in ready.items():
            chosen.setdefault(tier, name)
    return {tier: chosen[tier] for tier in TIERS if tier in chosen}


def choose_judge(ready: Mapping[str, str], named: str | None) -> str:
    """The pool that judges: the named one, else the highest tier.

    Raises:
        Problems: `judge_pool` names one that does not exist or is not ready.
    """
    if named is None:
        return max(ready, key=lambda pool: TIERS.index(ready[pool]))
    if named not in ready:
        raise Problems(judge_pool=f"pool '{named}' is not ready, {did_you_mean(named, ready)}")
    return named


def done_ids(output: Path) -> set[str]:
    """Ids of the prompts in an outcome file; a last line that was cut off is removed from the file.

    Raises:
        Refused: the file cannot be resumed.
        OSError: it cannot be read.
    """
    if output.suffix == ".gz":
        raise Refused(f"{output}: lines cannot be added to a .gz file: use a .jsonl file and compress it afterwards")
    if not output.exists():
        return set()
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
            f"{output}:{number}: id: is missing: only files that `signalbox collect` wrote can be resumed"
        ) from error
