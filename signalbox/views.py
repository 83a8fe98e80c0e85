"""Tables of what a running fleet says about itself."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def fleet_tables(fleet: dict[str, Any]) -> list[Table]:
    """Pools, replicas and ranks of a GET /v1/fleet body, narrow enough for 80 columns."""
    unreachable = "" if fleet["board"] else " (the fleet board is not reachable)"
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
    replicas = Table("replica", "node", "waiting", "running", "KV usage", "start", "age", title="replicas")
    ranks = Table("replica", "rank", "node", "pid", "experts", title="ranks")
    for name, pool in fleet["pools"].items():
        size = f"{pool['ready']} of {pool['min']} to {pool['max']}"
        pools.add_row(name, pool["tier"], pool["engine"], size, *_load(pool))
        for replica in pool["replicas"]:
            label = f"{name} {replica['replica_id']}"
            node = replica["node_id"][:8]
            replicas.add_row(label, node, *_load(replica), f"{replica['start_s']:.0f} s", f"{replica['age_s']:.1f} s")
            for rank in replica["ranks"]:
                experts = ", ".join(map(str, rank["experts"]))
                ranks.add_row(label, str(rank["rank"]), rank["node_id"][:8], str(rank["pid"]), experts or "-")
    return [pools, replicas, ranks]


def _load(state: dict[str, Any]) -> tuple[str, str, str]:
    return str(state["waiting"]), str(state["running"]), f"{state['kv_usage_ratio']:.0%}"


def models_table(models: dict[str, Any]) -> Table:
    """Names of a GET /v1/models body."""
    table = Table("model", "pool", "tier", "also called", "capabilities", "ready", title="models")
    for entry in models["data"]:
        aliases = ", ".join(entry.get("aliases", []))
        capabilities = ", ".join(entry.get("capabilities", []))
        ready = str(entry.get("ready_replicas", ""))
        table.add_row(entry["id"], entry.get("pool", "chosen"), entry.get("tier", ""), aliases, capabilities, ready)
    return table
