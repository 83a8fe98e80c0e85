"""Values that a laptop accepts and a pod does not: `render` refuses them."""

from __future__ import annotations

import pytest
from rendered_fleets import container, fleet, group

from k8s.errors import RenderError
from k8s.names import METRICS_PORT
from k8s.render import render

POOLS = {"small": {"tier": "small", "model": "org/model"}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"gateway": {"port": METRICS_PORT}},
            "gateway.port: invalid value 8080, which Ray's metrics uses in every pod",
        ),
        ({"gateway": {"port": 52365}}, "gateway.port: invalid value 52365, which the node's health check uses"),
        ({"gateway": {"port": 10005}}, "gateway.port: invalid value 10005, which a worker process of Ray uses"),
        ({"gateway": {"port": 80}}, "gateway.port: invalid value 80, use 1024 or more: no pod runs as root"),
        (
            {"nodes": {"device": "MI300X"}},
            "kubernetes.hardware.gpu.image: is missing: the image of k8s/Dockerfile runs on NVIDIA GPUs only",
        ),
        ({"kubernetes": {"env": {"HF_HOME": "/x"}}}, "kubernetes.env.HF_HOME: is set by Signalbox on all pods"),
        ({"kubernetes": {"env": {"RAY_worker_niceness": "5"}}}, "kubernetes.env.RAY_worker_niceness: is set by"),
        (
            {"hardware": {"gateways": {"device": "L4"}}, "pools": POOLS},
            "hardware.gateways: is the name of the gateways'",
        ),
        (
            {"cache_folder": "/opt/signalbox/cache"},
            "cache_folder: invalid value '/opt/signalbox/cache', a volume there",
        ),
        ({"cache_folder": "/models/"}, "cache_folder: invalid value '/models/', which another volume has"),
        (
            {"routing": {"state_folder": "/etc"}},
            "routing.state_folder: invalid value '/etc', a volume there hides /etc",
        ),
        (
            {"kubernetes": {"hardware": {"gpu": {"shm_gib": 400}}}},
            "kubernetes.hardware.gpu.shm_gib: invalid value 400, use less than the pod's memory (48 GiB)",
        ),
    ],
)
def test_what_no_pod_can_have(spec, message):
    with pytest.raises(RenderError) as caught:
        render(fleet(**spec))
    assert message in str(caught.value)


def test_an_amd_pod_has_its_own_image():
    section = {"hardware": {"gpu": {"image": "registry.example.com/signalbox-rocm:0.1.0"}}}
    found = container(group(fleet(nodes={"device": "MI300X"}, kubernetes=section)))
    assert found["image"] == "registry.example.com/signalbox-rocm:0.1.0"
    assert found["resources"]["limits"]["amd.com/gpu"] == "4"
