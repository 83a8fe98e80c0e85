"""Edits of a spec that people make for their clusters: each passes all checks, or is refused by its field."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import pytest
import yaml
from checked_overlays import CRDS, overlay
from rendered_fleets import EXAMPLES

from cluster.loading import SpecError, load_spec
from k8s.checks import check_overlay
from k8s.errors import RenderError

BASE = yaml.safe_load((EXAMPLES / "l4.yaml").read_text())
SIDECAR = {
    "name": "log-agent",
    "image": "org/agent:1",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
}
RDMA = {"name": "ray-worker", "resources": {"limits": {"rdma/hca": "1"}, "requests": {"rdma/hca": "1"}}}
CA = {
    "containers": [{"name": "ray-worker", "volumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/company"}]}],
    "volumes": [{"name": "ca", "configMap": {"name": "company-ca"}}],
}
REMOTE = {"kind": "remote", "options": {"base_url": "https://api.example.com/v1"}}


def kubernetes(**fields):
    return {"kubernetes": fields}


def small(**fields):
    return {"pools": {"small": fields}}


def one_kind(device, **fields):
    """A fleet of one pool on another device."""
    pool = {"tier": "small", "model": "mistralai/Mistral-7B-Instruct-v0.3"}
    return {"pools": {"!": {"small": pool}}, "hardware": {"!": {"box": {"device": device}}}} | fields


def edited(data, edit):
    """A spec with an edit merged in; `!` replaces a mapping."""
    if "!" in edit:
        return edit["!"]
    both = {
        key: edited(data.get(key) or {}, value) if isinstance(value, dict) else value for key, value in edit.items()
    }
    return copy.deepcopy(data) | both


def load(edit):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.yaml"
        path.write_text(yaml.safe_dump(edited(BASE, {"kubernetes": {"monitoring": {"enabled": False}}} | merged(edit))))
        return load_spec(path)


def merged(edit):
    silent = {"monitoring": {"enabled": False}}
    return edit | {"kubernetes": silent | edit.get("kubernetes", {})}


WORK = {
    "registry and pull secret": kubernetes(image="registry.example.com/llm/signalbox:1", image_pull_secret="reg"),
    "an existing namespace": kubernetes(namespace="ml-serving"),
    "our namespace by another name": kubernetes(namespace="llm", create_namespace=True),
    "spot machines": kubernetes(
        hardware={"l4-single": {"node_selector": {"spot": "true"}, "tolerations": [{"key": "spot", "value": "true"}]}}
    ),
    "another token": kubernetes(hf_token_secret="hub"),
    "ingress with TLS": kubernetes(expose={"kind": "ingress", "host": "llm.example.com", "tls_secret": "tls"}),
    "gateway": kubernetes(expose={"kind": "gateway", "host": "llm.example.com", "class_name": "istio"}),
    "a larger head": kubernetes(head={"cpus": 8, "memory_gib": 32, "node_selector": {"kind": "cpu"}}),
    "an existing claim": kubernetes(weights={"claim": "shared"}),
    "disks of the nodes": kubernetes(weights={"host_path": "/mnt/disks/ssd0"}),
    "S3 weights": small(model="s3://bucket/mistral", engine={"options": {"load_format": "runai_streamer"}})
    | kubernetes(environment_secret="aws", weights=None),
    "a model on a volume": small(model="/models/mistral") | kubernetes(weights={"claim": "shared"}),
    "a LoRA on a volume": small(adapters={"formal": "/models/loras/formal"}) | kubernetes(weights={"claim": "shared"}),
    "MI300X with its image": one_kind("MI300X", kubernetes={"hardware": {"box": {"image": "org/signalbox-rocm:1"}}}),
    "two gateways": {"gateway": {"replicas": {"min": 2, "max": 2}}},
    "gateways that scale": {"gateway": {"replicas": {"min": 2, "max": 6}}},
    "one gateway": {"gateway": {"replicas": {"min": 1, "max": 1}}},
    "one model in two pools": {
        "pools": {"spare": BASE["pools"]["small"] | {"served_name": "spare", "hardware": "l4-quad"}},
    },
    "all pools at zero": {"pools": {name: {"replicas": {"min": 0}} for name in BASE["pools"]}},
    "remote pools only": {"pools": {"!": {"far": {"tier": "large", "model": "gpt", "engine": REMOTE}}}},
    "no Redis": kubernetes(redis=None),
    "Redis elsewhere": kubernetes(redis={"address": "redis.data:6379"}),
    "Redis with a user": kubernetes(redis={"address": "redis.data:6379", "user": "ray", "password_secret": "redis"}),
    "an extra variable": kubernetes(env={"NCCL_SOCKET_IFNAME": "eth0"}),
    "annotations and labels": kubernetes(annotations={"sidecar.istio.io/inject": "false"}, labels={"team": "llm"}),
    "classes": kubernetes(runtime_class="nvidia", priority_class="high"),
    "a sidecar": kubernetes(pod_patch={"spec": {"containers": [SIDECAR]}}),
    "a company's certificates": kubernetes(pod_patch={"spec": CA}),
    "RDMA": kubernetes(hardware={"l4-eight": {"pod_patch": {"spec": {"containers": [RDMA]}}}}),
    "affinity": kubernetes(head_patch={"spec": {"affinity": {"podAntiAffinity": {}}}}),
    "state and cache folders": {"cache_folder": "/mnt/cache", "routing": {"state_folder": "/mnt/state"}},
    "incremental upgrades": kubernetes(
        upgrade={"strategy": "NewClusterWithIncrementalUpgrade", "gateway_class": "istio"}
    ),
}


@pytest.mark.parametrize("name", WORK)
def test_what_users_expect_to_work(name):
    rendered = overlay(load(WORK[name]), "prod", CRDS if CRDS.is_dir() else None)
    assert [str(finding) for finding in check_overlay(rendered)[0]] == []


REFUSED = {
    "MI300X": (one_kind("MI300X"), "kubernetes.hardware.box.image: is missing: the image of k8s/Dockerfile"),
    "TPU": (one_kind("TPU-v5e"), "pools.small.hardware: no engine here runs on a TPU-v5e"),
    "mixed GPUs in a pool": (
        small(hardware=["l4-single", "l4-quad"]),
        "pools.small.hardware: invalid value a list of 2",
    ),
    "500GB": (kubernetes(weights={"size": "500GB"}), "kubernetes.weights.size: invalid value '500GB', use a size"),
    "no nodes": ({"hardware": {"l4-single": {"nodes": 0}}}, "hardware.l4-single.nodes: invalid value 0"),
    "a typo": (kubernetes(namespce="x"), "kubernetes.namespce: unknown key: did you mean 'namespace'?"),
    "a folder of this machine": (small(model="/home/me/model"), "pools.small.model: there is no folder"),
    "the port of Ray's agent": ({"gateway": {"port": 52365}}, "gateway.port: invalid value 52365"),
    "port 80": ({"gateway": {"port": 80}}, "gateway.port: invalid value 80, use 1024 or more"),
    "a resource without a domain": (
        kubernetes(hardware={"l4-single": {"device_resource": "gpu"}}),
        "kubernetes.hardware.l4-single.device_resource: invalid value 'gpu'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_by_its_field(name):
    edit, message = REFUSED[name]
    with pytest.raises((SpecError, RenderError)) as caught:
        overlay(load(edit))
    assert message in str(caught.value)
    assert "Traceback" not in str(caught.value)
