"""A local fleet's environment, nodes and words, without starting one."""

from __future__ import annotations

import pytest
from ray._private import services

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.local.fleet import FleetFailed, LocalFleet, NodePlan, patience, plan_nodes, without_traceback

MESSAGE = """\
small: The deployment failed to start 3 times in a row. Error:
ray::ServeReplica:signalbox:small.initialize() (pid=25, ip=127.0.0.1)
  File "a.py", line 456, in result
    return self.__get_result()
RuntimeError: Traceback (most recent call last):
  File "b.py", line 4, in start
    raise X
ValidationError: 1 validation error for VllmConfig
structured_outputs_config
  Value error, only supported for xgrammar.
    For further information visit https://errors.pydantic.dev/"""


def test_the_laptop_has_four_nodes_of_two_kinds():
    spec = load_spec(PROJECT_ROOT / "examples" / "laptop.yaml")
    assert plan_nodes(spec) == [NodePlan("cpu-a", 2)] * 2 + [NodePlan("cpu-b", 1)] * 2


def test_gpu_specs_are_refused_with_what_to_do():
    with pytest.raises(FleetFailed, match="deploy this spec on a GPU cluster"):
        LocalFleet(load_spec(PROJECT_ROOT / "examples" / "h100.yaml"))


def test_a_ray_that_does_not_start_is_said_without_a_traceback(monkeypatch):
    fleet = LocalFleet(load_spec(PROJECT_ROOT / "examples" / "laptop.yaml"))

    def start_nodes(said):
        raise TimeoutError("node 2 did not register")

    monkeypatch.setattr(fleet, "_require_port", lambda: None)
    monkeypatch.setattr(fleet, "start_nodes", start_nodes)
    with pytest.raises(FleetFailed, match=r"Ray did not start \(node 2 did not register\): .* try again"):
        fleet.start()
    fleet.stop()


def test_a_node_that_starts_slowly_is_waited_for(monkeypatch):
    answers = [RuntimeError("not registered"), RuntimeError("Deadline Exceeded"), {"labels": {}}]

    def get_node(address, node_id):
        if isinstance(answer := answers.pop(0), RuntimeError):
            raise answer
        return answer

    monkeypatch.setattr(services, "get_node", get_node)
    with patience():
        assert services.get_node("address", "id") == {"labels": {}}
    assert services.get_node is get_node
    answers.append(RuntimeError("never"))
    with patience(wait_s=0), pytest.raises(RuntimeError, match="never"):
        services.get_node("address", "id")


@pytest.mark.parametrize(("failures", "starts"), [(0, True), (2, True), (3, False)])
def test_a_cluster_that_does_not_answer_is_started_again(monkeypatch, failures, starts):
    fleet = LocalFleet(load_spec(PROJECT_ROOT / "examples" / "laptop.yaml"))
    tries, said, dropped = [], [], []

    def add_nodes(said):
        tries.append(1)
        if len(tries) <= failures:
            raise Exception("the current node timed out")

    monkeypatch.setattr(fleet, "_add_nodes", add_nodes)
    monkeypatch.setattr(fleet, "_drop_nodes", lambda: dropped.append(1))
    if starts:
        fleet._start_cluster(said.append)
    else:
        with pytest.raises(Exception, match="timed out"):
            fleet._start_cluster(said.append)
    assert len(dropped) == min(failures, 2)
    assert said == ["a Ray node does not answer: starting again"] * len(dropped)


def test_messages_keep_the_error_and_lose_the_traceback():
    assert without_traceback(MESSAGE).splitlines() == [
        "small: The deployment failed to start 3 times in a row. Error:",
        "ValidationError: 1 validation error for VllmConfig",
        "structured_outputs_config",
        "  Value error, only supported for xgrammar.",
    ]
