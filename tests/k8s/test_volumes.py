"""Volumes: a claim, an existing claim or a node's disk, at one path on every node."""

from __future__ import annotations

from rendered_fleets import cluster, container, fleet, group, objects

FOLDERS = {"cache_folder": "/mnt/cache", "routing": {"state_folder": "/mnt/state"}}


def volumes(spec):
    return {each["name"]: each for each in group(spec)["template"]["spec"]["volumes"]}


def test_weights_are_a_claim_of_their_own():
    spec = fleet(kubernetes={"weights": {"size": "1Ti", "storage_class": "nfs"}})
    claim = objects(spec)["PersistentVolumeClaim", "fleet-weights"]["spec"]
    assert claim == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Ti"}},
        "storageClassName": "nfs",
    }
    assert volumes(spec)["weights"]["persistentVolumeClaim"] == {"claimName": "fleet-weights"}


def test_every_node_sees_the_same_folders():
    spec = fleet(**FOLDERS)
    expected = {"/dev/shm", "/mnt/cache", "/mnt/state", "/models"}
    for each in (cluster(spec)["headGroupSpec"], group(spec)):
        assert {mount["mountPath"] for mount in container(each)["volumeMounts"]} == expected
    claims = {name for kind, name in objects(spec) if kind == "PersistentVolumeClaim"}
    assert claims == {"fleet-cache", "fleet-state", "fleet-weights"}


def test_an_existing_claim_is_used():
    spec = fleet(kubernetes={"weights": {"claim": "shared"}})
    assert volumes(spec)["weights"]["persistentVolumeClaim"] == {"claimName": "shared"}
    assert not [name for kind, name in objects(spec) if kind == "PersistentVolumeClaim"]


def test_a_node_s_own_disk_needs_another_pod_standard():
    level = "pod-security.kubernetes.io/enforce"
    spec = fleet(**FOLDERS, kubernetes={"cache": {"host_path": "/mnt/disks/ssd0"}})
    assert volumes(spec)["cache"]["hostPath"] == {"path": "/mnt/disks/ssd0", "type": "DirectoryOrCreate"}
    assert objects(spec)["Namespace", "fleet"]["metadata"]["labels"][level] == "privileged"
    assert objects(fleet(**FOLDERS))["Namespace", "fleet"]["metadata"]["labels"][level] == "restricted"


def test_no_volume_where_models_come_from_elsewhere():
    spec = fleet({"model": "s3://bucket/model"}, kubernetes={"weights": None})
    assert list(volumes(spec)) == ["shared-mem"]
    assert "HF_HOME" not in {each["name"] for each in container(group(spec))["env"]}
