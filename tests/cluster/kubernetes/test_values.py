"""Texts in the forms that Kubernetes accepts: a field with a wrong one is refused by its name."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cluster.explain import explain
from cluster.kubernetes import KubernetesSpec
from cluster.kubernetes.values import mount_problem


def refused(section):
    with pytest.raises(ValidationError) as caught:
        KubernetesSpec.model_validate(section)
    return list(explain(caught.value))


def nodes(**fields):
    return {"hardware": {"gpu": fields}}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (nodes(device_resource="gpu"), "hardware.gpu.device_resource: invalid value 'gpu', use a resource with its"),
        (nodes(device_resource="kubernetes.io/gpu"), "hardware.gpu.device_resource: invalid value"),
        (nodes(node_selector={"a b": "c"}), "hardware.gpu.node_selector.a b: invalid value 'a b', use letters"),
        (nodes(node_selector={"a": "b c"}), "hardware.gpu.node_selector.a: invalid value 'b c', use at most 63"),
        (nodes(tolerations=[{"key": "a/b/c"}]), "hardware.gpu.tolerations.0.key: invalid value 'a/b/c'"),
        (nodes(tolerations=[{"key": "a", "value": "-"}]), "hardware.gpu.tolerations.0.value: invalid value '-'"),
        (nodes(shm_gib=400, memory_gib=320), "hardware.gpu.shm_gib: invalid value 400, use less than memory_gib (320)"),
        ({"head": {"node_selector": {"": "x"}}}, "head.node_selector.: invalid value '', use letters"),
        ({"image": "REGISTRY/Signalbox:0.1.0"}, "image: invalid value 'REGISTRY/Signalbox:0.1.0', use an image"),
        ({"image": "signalbox:a tag"}, "image: invalid value 'signalbox:a tag', use an image"),
        ({"redis": {"image": "redis:"}}, "redis.image: invalid value 'redis:', use an image"),
        ({"monitoring": {"labels": {"release": "my prometheus!"}}}, "monitoring.labels.release: invalid value 'my"),
        ({"redis": {"address": "my redis"}}, "redis.address: invalid value 'my redis', use HOST:PORT"),
        ({"redis": {"address": "redis"}}, "redis.address: invalid value 'redis', use HOST:PORT"),
        ({"weights": {"mount": "/"}}, "weights.mount: invalid value '/', a volume there hides"),
        ({"weights": {"mount": "/opt/signalbox"}}, "weights.mount: invalid value '/opt/signalbox', a volume there"),
        ({"weights": {"mount": "/opt/signalbox/demo"}}, "weights.mount: invalid value '/opt/signalbox/demo', a volume"),
        ({"weights": {"mount": "/models/../etc"}}, "weights.mount: invalid value '/models/../etc', use a path without"),
        ({"expose": {"kind": "ingress", "host": "a.b", "annotations": {"a b": ""}}}, "expose.annotations.a b: invalid"),
    ],
)
def test_what_kubernetes_would_refuse(section, message):
    assert any(line.startswith(message) for line in refused(section)), refused(section)


@pytest.mark.parametrize(
    "section",
    [
        nodes(device_resource="nvidia.com/mig-3g.40gb", shm_gib=300, memory_gib=320),
        nodes(node_selector={"cloud.google.com/gke-accelerator": "nvidia-l4", "spot": ""}),
        nodes(tolerations=[{"key": "nvidia.com/gpu"}, {"key": "spot", "value": "true"}]),
        {"image": "registry.example.com:5000/team/signalbox:0.1.0"},
        {"image": f"signalbox@sha256:{'0' * 64}"},
        {"redis": {"address": "rediss://redis.data.svc:6380"}},
        {"redis": {"address": "10.0.0.7:6379"}},
        {"weights": {"mount": "/mnt/models"}},
        {"monitoring": {"labels": {"release": "prometheus", "team.example.com/name": "llm_1"}}},
    ],
)
def test_what_kubernetes_accepts(section):
    KubernetesSpec.model_validate(section)


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/opt", "/dev", "/dev/x", "/home", "/home/ray", "/tmp", "/usr", "/proc/1"]
)
def test_folders_that_no_volume_may_hide(path):
    assert "hides" in str(mount_problem(path))


@pytest.mark.parametrize(
    "path", ["/models", "/mnt", "/home/ray/.cache", "/tmp/models", "/var/cache", "/usr/share/models"]
)
def test_folders_for_volumes(path):
    assert mount_problem(path) is None
