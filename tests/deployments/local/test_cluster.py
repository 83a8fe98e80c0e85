"""A local cluster's nodes: what Ray is asked for, and its patience, without starting one."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
import ray
from ray._private import services

from deployments.local.cluster import LocalCluster, node_arguments, patience
from deployments.local.nodes import NodePlan


def test_a_node_has_its_gpus_and_a_node_without_any_has_none():
    gpu = node_arguments(NodePlan("h100", 2, ("4", "5"), "H100"), "CUDA_VISIBLE_DEVICES")
    assert (gpu["num_gpus"], gpu["resources"]) == (2, {"accelerator_type:H100": 1})
    assert gpu["env_vars"] == {"CUDA_VISIBLE_DEVICES": "4,5"}
    assert gpu["labels"] == {"signalbox/hardware": "h100"}
    cpu = node_arguments(NodePlan("cpu", 3), "CUDA_VISIBLE_DEVICES")
    assert (cpu["num_cpus"], cpu["num_gpus"]) == (3, 0)  # Ray would give the machine's GPUs to it
    assert "env_vars" not in cpu


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
def test_a_cluster_that_does_not_answer_is_started_again(monkeypatch, tmp_path, failures, starts):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: SimpleNamespace(pid=0, kill=lambda: None))
    monkeypatch.setattr(ray, "init", lambda **_: None)
    cluster = LocalCluster(tmp_path)
    cluster._cluster = SimpleNamespace(address="a")
    tries, said, dropped = [], [], []

    def add_nodes(*_):
        tries.append(1)
        if len(tries) <= failures:
            raise Exception("the current node timed out")

    monkeypatch.setattr(cluster, "_add_nodes", add_nodes)
    monkeypatch.setattr(cluster, "_drop_nodes", lambda: dropped.append(1))
    if starts:
        cluster.start([], "", said.append)
    else:
        with pytest.raises(Exception, match="timed out"):
            cluster.start([], "", said.append)
    assert len(dropped) == min(failures, 2)
    assert said == ["a Ray node does not answer: starting again"] * len(dropped)
