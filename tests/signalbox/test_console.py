"""How commands end with an error: one message, one status."""

from __future__ import annotations

import pytest
import typer

from cluster.problems import Problems
from signalbox.console import FAILED, WRONG_INPUT, exit_on, options


def ended(capsys, manager, error):
    with pytest.raises(typer.Exit) as caught, manager:
        raise error
    return caught.value.exit_code, capsys.readouterr().err


def test_an_error_is_its_message_with_text_around_it(capsys):
    manager = exit_on(KeyError, OSError, status=FAILED, before="--x: ", after="!")
    assert ended(capsys, manager, OSError("[b]broken")) == (1, "--x: [b]broken!\n")


def test_other_errors_pass():
    with pytest.raises(ValueError, match="other"), exit_on(OSError, status=FAILED):
        raise ValueError("other")


def test_problems_name_options_instead_of_fields(capsys):
    problems = Problems(set_="is wrong", judge_pool="is not ready")
    status, text = ended(capsys, options(set_="--set"), problems)
    assert (status, text.splitlines()) == (WRONG_INPUT, ["--set: is wrong", "--judge-pool: is not ready"])
