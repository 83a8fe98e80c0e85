"""`signalbox facts`: the models whose sizes are known without a network."""

from __future__ import annotations

from cluster.facts import facts_of, shipped_models
from signalbox.console import JsonOption, out
from signalbox.tables.facts import facts_data, render_facts


def facts(as_json: JsonOption = False) -> None:
    """List the models whose facts ship with Signalbox, with the source of each. `--online` finds others."""
    data = [facts_data(model, facts_of(model)) for model in shipped_models()]
    out.print_json(data=data) if as_json else out.print(render_facts(data))
