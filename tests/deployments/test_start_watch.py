"""What Serve's status says about a start."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ray.serve._private import deployment_state
from ray.serve._private.common import ReplicaState
from ray.serve.schema import ApplicationStatus, DeploymentStatus

from deployments import start_watch
from deployments.config import RETRYING_ENVIRONMENT, WITHOUT_END
from deployments.start_watch import (
    FleetFailed,
    PartState,
    part_state,
    reason_in,
    states_after,
    watch_start,
    without_traceback,
)

TRACEBACK = """\
ray::ServeReplica:signalbox:small.initialize() (pid=25, ip=127.0.0.1)
  File "a.py", line 456, in result
    return self.__get_result()
"""
FAILED = f"""\
A replica failed to start with exception. Retrying 2 more time(s). Error:
{TRACEBACK}RuntimeError: Traceback (most recent call last):
  File "b.py", line 4, in start
    raise X
deployments.wire.errors.StartFailed: ValidationError: 1 validation error for VllmConfig
structured_outputs_config
  Value error, only supported for xgrammar.
    For further information visit https://errors.pydantic.dev/
log: /tmp/a.log on 127.0.0.1"""
REASON = """\
ValidationError: 1 validation error for VllmConfig
structured_outputs_config
  Value error, only supported for xgrammar.
log: /tmp/a.log on 127.0.0.1"""

SLOW = "Deployment 'a' in application 'b' has 1 replicas that have taken more than 30s to "


def deployment(status="UPDATING", message="", running=0):
    return SimpleNamespace(status=DeploymentStatus(status), message=message, replica_states={"RUNNING": running})


def app(status="DEPLOYING", message="", **deployments):
    return SimpleNamespace(status=ApplicationStatus(status), message=message, deployments=deployments)


LOADING, READY, BROKEN = deployment(), deployment("HEALTHY", running=1), deployment(message=FAILED)


def test_serve_still_has_the_messages_that_are_read_here():
    source = inspect.getsource(deployment_state)
    assert all(beginning in source for beginning in start_watch.FAILED)
    assert "to be scheduled" in source


def test_serve_counts_replicas_by_the_name_that_is_read_here():
    assert ReplicaState.RUNNING == "RUNNING"


def test_serve_counts_failed_starts_up_to_the_variable():
    code = "from ray.serve._private.constants import MAX_PER_REPLICA_RETRY_COUNT as count; print(count)"
    env = os.environ | RETRYING_ENVIRONMENT
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == [str(WITHOUT_END)]


def test_messages_keep_the_error_and_lose_the_traceback():
    assert reason_in(FAILED) == REASON
    assert without_traceback(f"a\n{TRACEBACK}KeyError: 'x'") == "a\nKeyError: 'x'"


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (LOADING, PartState("loading")),
        (deployment(message=SLOW + "be scheduled."), PartState("waiting")),
        (deployment(message=SLOW + "initialize."), PartState("loading")),
        (READY, PartState("ready")),
        (deployment("UPSCALING", running=1), PartState("ready")),
        (deployment("HEALTHY"), PartState("ready")),  # scaled to zero
        (BROKEN, PartState("failing", REASON)),
        (deployment(message=FAILED, running=1), PartState("ready", REASON)),
        (
            deployment("DEPLOY_FAILED", "The deployment failed to start 3 times. Error:\nE: x"),
            PartState("failing", "E: x"),
        ),
    ],
)
def test_a_deployments_state(given, state):
    assert part_state(given) == state


@pytest.fixture
def watch(monkeypatch):
    """Watch a start that has given statuses, one after another."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(start_watch.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(start_watch.time, "sleep", lambda seconds: setattr(clock, "now", clock.now + seconds))

    def run(*statuses, timeout_s=60.0):
        left = list(statuses)
        last = statuses[-1]
        return list(watch_start(lambda: left.pop(0) if left else last, timeout_s, "/logs"))

    return run


def states(parts):
    return {name: part.state for name, part in parts.items()}


def test_a_healthy_start_ends_when_all_are_ready(watch):
    seen = watch(None, app(gateway=READY, a=LOADING, b=LOADING), app("RUNNING", gateway=READY, a=READY, b=READY))
    assert [states(parts) for parts in seen] == [
        {},
        {"gateway": "ready", "a": "loading", "b": "loading"},
        {"gateway": "ready", "a": "ready", "b": "ready"},
    ]


def test_a_pool_that_fails_leaves_the_others_serving(watch):
    seen = watch(
        app(gateway=READY, a=LOADING, b=BROKEN),
        app("DEPLOY_FAILED", gateway=READY, a=READY, b=deployment("DEPLOY_FAILED", FAILED)),
    )
    assert states(seen[0]) == {"gateway": "ready", "a": "loading", "b": "failing"}
    assert states(seen[-1]) == {"gateway": "ready", "a": "ready", "b": "failing"}
    assert seen[0]["b"].problem == REASON


def test_a_pool_that_is_tried_again_is_failing_until_it_is_ready(watch):
    slow = deployment(message=SLOW + "initialize.")
    seen = watch(
        app(gateway=READY, a=LOADING, b=BROKEN),
        app(gateway=READY, a=LOADING, b=slow),
        app(gateway=READY, a=READY, b=slow),
    )
    assert [states(parts)["b"] for parts in seen] == ["failing"] * 3
    assert seen[-1]["b"].problem == REASON
    assert states_after(seen[-1], app(b=READY))["b"] == PartState("ready")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (app(gateway=READY, a=BROKEN, b=BROKEN), "a: ValidationError(.|\n)*b: ValidationError(.|\n)*logs: /logs"),
        (app(gateway=BROKEN, a=READY), "gateway: ValidationError"),
        (
            app("DEPLOY_FAILED", f"Failed to build. Error:\n{TRACEBACK}ImportError: no module x"),
            "ImportError: no module",
        ),
    ],
)
def test_a_fleet_that_cannot_serve_fails_at_once(watch, status, text):
    with pytest.raises(FleetFailed, match=text):
        watch(status)


def test_after_the_timeout_a_fleet_that_serves_goes_on(watch):
    seen = watch(app(gateway=READY, a=READY, b=LOADING), timeout_s=3.0)
    assert states(seen[-1]) == {"gateway": "ready", "a": "ready", "b": "loading"}
    with pytest.raises(FleetFailed, match=r"no pool was ready after 3 s \(gateway ready, a loading\)"):
        watch(app(gateway=READY, a=LOADING), timeout_s=3.0)
