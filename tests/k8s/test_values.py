"""Values that a laptop accepts and a pod does not: `render` refuses them."""

from __future__ import annotations

import pytest
from rendered_fleets import fleet

from k8s.errors import RenderError
from k8s.names import METRICS_PORT
from k8s.render import render


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
