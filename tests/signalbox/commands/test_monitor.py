"""`signalbox monitor` without a fleet."""

from __future__ import annotations

import signal
import socket

import pytest
from typer.testing import CliRunner

from deployments.local import prometheus
from signalbox.cli import app
from signalbox.commands import monitor as command

NOBODY = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("--url", NOBODY), 1, "no response from http://127.0.0.1:1"),
        (("--webhook", "somewhere"), 2, "--webhook: invalid value 'somewhere', use an address"),
        (("nowhere.yaml",), 2, "nowhere.yaml"),
    ],
)
def test_errors_are_one_line(words, status, expected):
    result = CliRunner().invoke(app, ["monitor", *words])
    assert result.exit_code == status
    assert expected in result.output
    assert len(result.output.splitlines()) == 1


def test_a_taken_port_names_the_option(monkeypatch):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        monkeypatch.setattr(command, "get_json", lambda url, path: {})
        monkeypatch.setattr(prometheus, "find", lambda name: name)
        result = CliRunner().invoke(app, ["monitor", "--port", str(port)])
    assert result.exit_code == 1
    assert (
        result.output == f"--port: port {port} for prometheus is taken: stop what listens there, or use another port\n"
    )


def test_ctrl_c_while_it_starts_ends_what_has_started(monkeypatch):
    ended = []

    def start(self):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command, "get_json", lambda url, path: {})
    monkeypatch.setattr(command.Monitor, "start", start)
    monkeypatch.setattr(command.Monitor, "stop", lambda self: ended.append(1))
    result = CliRunner().invoke(app, ["monitor"])
    assert (result.exit_code, result.output, ended) == (130, "stopped\n", [1])
