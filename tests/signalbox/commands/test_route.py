"""`signalbox route`: the decision as data and tables, wishes, and what cannot be routed."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from signalbox.cli import app

HARD = "Sort 4, 2, 9, 7, 1, 8, 3, 5"


def run(*arguments):
    return CliRunner().invoke(app, ["route", *arguments], terminal_width=200)


@pytest.mark.parametrize("arguments", [(), ("--wish", "quality=0.1"), ("--model", "auto:cheap")])
def test_tables_name_pool_pools_and_reasons(arguments):
    shown = run("What is 7 + 5?", *arguments)
    assert shown.exit_code == 0
    assert "routed to small" in shown.output
    assert all(word in shown.output for word in ("moe", "large", "lambda", "because"))


@pytest.mark.parametrize(
    ("arguments", "pool", "mode"),
    [
        ((), "moe", "auto"),
        (("--wish", "cheap"), "small", "cheap"),
        (("--wish", "best", "--model", "auto:cheap"), "small", "cheap"),
        (("--model", "moe"), "moe", "pinned"),
    ],
)
def test_json_is_the_whole_decision(arguments, pool, mode):
    told = json.loads(run(HARD, "--json", *arguments).output)
    assert (told["pool"], told["mode"]) == (pool, mode)
    assert (told["prediction"] is None) is (mode == "pinned")


def test_a_pinned_query_has_no_tables():
    assert "routed to moe" in run("hi", "--model", "moe").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--wish", "fast"), "--wish: invalid value 'fast'"),
        (("--model", "auto:fast"), "model: invalid value 'fast'"),
        (("--model", "gpt-9"), "There is no model 'gpt-9'"),
    ],
)
def test_what_cannot_be_routed_is_said(arguments, said):
    refused = run("hi", *arguments)
    assert refused.exit_code == 1
    assert said in refused.output
    assert "Traceback" not in refused.output
