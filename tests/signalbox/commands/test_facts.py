"""`signalbox facts` as a user runs it."""

from __future__ import annotations

import io
import json

from rich.console import Console
from typer.testing import CliRunner

from cluster.facts import facts_of, shipped_models
from signalbox.cli import app
from signalbox.tables.facts import facts_data, render_facts


def test_json_has_every_shipped_model_with_its_source():
    rows = json.loads(CliRunner().invoke(app, ["facts", "--json"]).output)
    assert [row["model"] for row in rows] == shipped_models()
    assert all(row["source"].startswith("https://") and row["kv_kib_per_token"] > 0 for row in rows)


def test_the_table_names_active_parameters_and_what_does_not_grow():
    console = Console(width=160, file=io.StringIO())
    console.print(render_facts([facts_data(model, facts_of(model)) for model in shipped_models()]))
    lines = console.file.getvalue().splitlines()
    (line,) = (line for line in lines if "Qwen/Qwen3.5-35B-A3B" in line)
    for part in ("35.1 B", "3.9 B", "262,144", "20 KiB", "61 MiB"):
        assert part in line
    assert lines[-1].startswith(f"{len(shipped_models())} models.")
