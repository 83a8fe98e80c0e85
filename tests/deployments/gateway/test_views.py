"""What `GET /v1/fleet` says of a replica's start, and what `signalbox status` makes of it."""

from __future__ import annotations

import io
import json

from rich.console import Console

from cluster.spec import FleetSpec
from cluster.state import ReplicaState, group_by_pool
from deployments.gateway import views as fleet_views
from signalbox.tables.fleet import fleet_tables

SPEC = FleetSpec.model_validate({"pools": {"small": {"tier": "small", "model": "m"}}})
PHASES = (("import", 4.0), ("load", 30.25), ("warm_up", 0.01))


def view():
    replica = ReplicaState("small", "r1", "node", 100.0, start_s=34.3, start_phases_s=PHASES)
    return fleet_views.fleet(SPEC, group_by_pool([replica]), 101.0)


def test_phases_are_an_object_in_json():
    (replica,) = json.loads(json.dumps(view()))["pools"]["small"]["replicas"]
    assert replica["start_phases_s"] == dict(PHASES)
    assert replica["age_s"] == 1.0


def test_status_names_the_phases_that_count():
    console = Console(width=200, record=True, file=io.StringIO())
    for table in fleet_tables(view() | {"proxy": "HAProxy"}):
        console.print(table)
    text = console.export_text()
    assert "34.3 s" in text
    assert "import 4.0 s, load 30.2 s" in text
    assert "warm_up" not in text
