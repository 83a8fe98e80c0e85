"""Tables of a running fleet: pools, replicas, scaling, models, the router's artifact."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table


def fleet_tables(fleet: dict[str, Any]) -> list[Table]:
    """Pools, replicas and ranks of a GET /v1/fleet body, narrow enough for 80 columns."""
    unreachable = "" if fleet["board"] else " (the fleet board is unreachable)"
    pools = Table(
        "pool",
        "tier",
        "engine",
        "ready",
        "waiting",
        "running",
        "KV usage",
        title=f"fleet {fleet['name']} behind {fleet['proxy']}{unreachable}",
    )
    replicas = Table("replica", "node", "waiting", "running", "KV usage", "age", title="replicas")
    starts = Table("replica", "start", "phases", title="starts")
    ranks = Table("replica", "rank", "node", "pid", "experts", title="ranks")
    for name, pool in fleet["pools"].items():
        size = f"{pool['ready']} of {pool['min']} to {pool['max']}"
        pools.add_row(name, pool["tier"], pool["engine"], size, *_load(pool))
        for replica in pool["replicas"]:
            label = f"{name} {replica['replica_id']}"
            node = replica["node_id"][:8]
            replicas.add_row(label, node, *_load(replica), f"{replica['age_s']:.1f} s")
            starts.add_row(label, f"{replica['start_s']:.1f} s", _phases(replica["start_phases_s"]))
            for rank in replica["ranks"]:
                experts = ", ".join(map(str, rank["experts"]))
                ranks.add_row(label, str(rank["rank"]), rank["node_id"][:8], str(rank["pid"]), experts or "-")
    return [pools, replicas, starts, ranks]


def _load(state: dict[str, Any]) -> tuple[str, str, str]:
    return str(state["waiting"]), str(state["running"]), f"{state['kv_usage_ratio']:.0%}"


SHORTEST_PHASE_S = 0.05


def _phases(seconds: dict[str, float]) -> str:
    """Phases of a start that take at least SHORTEST_PHASE_S."""
    return ", ".join(f"{phase} {took_s:.1f} s" for phase, took_s in seconds.items() if took_s >= SHORTEST_PHASE_S)


SHOWN_CHANGES = 10


def scaling_tables(scaling: dict[str, Any]) -> list[Table]:
    """Newest decisions of a GET /v1/scaling body and the last changes; no tables for a fleet of fixed size."""
    if not scaling["pools"]:
        return []
    now = Table("pool", "ready", "desired", "because", title="scaling")
    for name, one in scaling["pools"].items():
        style = "red" if one["problem"] else None
        now.add_row(name, str(one["ready"]), str(one["desired"]), escape(one["reason"]), style=style)
    changes = Table("at", "pool", "replicas", "because", title="last changes")
    for one in scaling["log"][:SHOWN_CHANGES]:
        size = f"{one['target']} to {one['desired']}"
        changes.add_row(_time(one["at_s"]), one["pool"], size, escape(one["reason"]))
    return [now, changes] if scaling["log"] else [now]


def models_table(models: dict[str, Any]) -> Table:
    """Names of a GET /v1/models body."""
    table = Table("model", "pool", "tier", "also called", "capabilities", "ready", title="models")
    for entry in models["data"]:
        aliases = ", ".join(entry.get("aliases", []))
        capabilities = ", ".join(entry.get("capabilities", []))
        ready = str(entry.get("ready_replicas", ""))
        table.add_row(entry["id"], entry.get("pool", "chosen"), entry.get("tier", ""), aliases, capabilities, ready)
    return table


def router_tables(state: dict[str, Any]) -> list[Table]:
    """The quality model of a GET /v1/router body with its training card, and the previous models."""
    now = Table(show_header=False, title="router")
    now.add_row("decides", state["version"] or f"{state['base']} (the spec's)")
    if state["since_s"]:
        now.add_row("since", _time(state["since_s"]))
    if state["problem"]:
        now.add_row("problem", escape(state["problem"]), style="red")
    for key, value in (state["card"] or {}).items():
        now.add_row(escape(key), escape(value if isinstance(value, str) else json.dumps(value)))
    for key, value in learning_rows(state["learning"]):
        now.add_row(key, escape(value))
    before = Table("version", "in use since", "bytes", title="rollback history")
    for entry in state["previous"]:
        before.add_row(entry["version"], _time(entry["since_s"]), str(entry["bytes"]))
    before.add_row(f"{state['base']} (the spec's)", "", "")
    return [now, before] if state["version"] else [now]


def learning_rows(learning: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What a fleet has learned from its own traffic, as names and values."""
    if learning is None:
        return []
    counts = ", ".join(f"{count} from {source}" for source, count in learning["labels"].items()) or "none yet"
    rows = [("labels", counts)]
    if verdict := learning["verdict"]:
        rows.append(("last candidate", f"{_time(learning['verdict_at_s'])}, {verdict['action']}: {verdict['why']}"))
    if curves := learning.get("confidence"):
        calibrated = ", ".join(f"{pool} from {curve['labels']} labels" for pool, curve in curves.items())
        rows.append(("confidence", f"calibrated: {calibrated}"))
    if learning["version"]:
        rows.append(("learned", f"{learning['version']} decides"))
    if learning["frozen"]:
        rows.append(("frozen", "routing.learn.frozen: labels are collected, the router does not change"))
    if learning["problem"]:
        rows.append(("learning", learning["problem"]))
    return rows


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s).strftime("%Y-%m-%d %H:%M:%S")
