"""`signalbox status`: pools, replicas and scaling decisions of a running fleet."""

from __future__ import annotations

from signalbox.client import DEFAULT_URL, EndpointError, get_json
from signalbox.console import FAILED, UrlOption, exit_on, out
from signalbox.tables.fleet import fleet_tables, scaling_tables


def status(url: UrlOption = DEFAULT_URL) -> None:
    """Show the pools and replicas of a running fleet, and the reason for their current number."""
    with exit_on(EndpointError, status=FAILED):
        fleet, scaling = get_json(url, "/v1/fleet"), get_json(url, "/v1/scaling")
    for table in (*fleet_tables(fleet), *scaling_tables(scaling)):
        out.print(table)
