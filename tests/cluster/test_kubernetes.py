"""The spec's kubernetes section: what cannot work is refused with the field and what to write."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cluster.explain import explain
from cluster.spec import FleetSpec


def fleet(**section):
    pool = {"tier": "small", "model": "m"}
    return FleetSpec.model_validate({"pools": {"small": pool}, "kubernetes": section})


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"upgrade": {"strategy": "NewClusterWithIncrementalUpgrade"}},
            "kubernetes.upgrade.gateway_class: is missing: moving traffic in steps needs one, such as istio",
        ),
        ({"upgrade": {"gateway_class": "istio"}}, "kubernetes.upgrade.gateway_class: does not go with strategy"),
        (
            {
                "upgrade": {"strategy": "NewClusterWithIncrementalUpgrade", "gateway_class": "istio"},
                "expose": {"kind": "ingress", "host": "a.example"},
            },
            "kubernetes.expose.kind: KubeRay makes a Gateway of its own for incremental upgrades: write none",
        ),
        ({"expose": {"kind": "ingress"}}, "kubernetes.expose.host: is missing: write the endpoint's host name"),
        ({"expose": {"kind": "gateway", "host": "a.example"}}, "kubernetes.expose.class_name: is missing"),
        ({"expose": {"host": "a.example"}}, "kubernetes.expose.host: does not go with kind none"),
        ({"cache": {"claim": "a", "host_path": "/b"}}, "kubernetes.cache.host_path: is another volume than claim"),
        ({"cache": {"host_path": "b"}}, "kubernetes.cache.host_path: found 'b': write a whole path"),
        ({"weights": {"mount": "models"}}, "kubernetes.weights.mount: found 'models': write a whole path"),
        ({"weights": {"mount": "~/models"}}, "kubernetes.weights.mount: found '~/models': write a whole path"),
        ({"weights": {"size": "500G"}}, "kubernetes.weights.size: found '500G': write a size such as 500Gi"),
        ({"image_pull_secret": "My Key"}, "kubernetes.image_pull_secret: found 'My Key': write lower-case letters"),
        ({"hardware": {"l4-eight": {"cpus": 4}}}, "kubernetes.hardware.l4-eight: is no hardware: write one of cpu"),
        ({"hardware": {"cpus": {"cpus": 4}}}, "kubernetes.hardware.cpus: is no hardware: did you mean 'cpu'?"),
        ({"upgrade": {"strategy": "Rolling"}}, "kubernetes.upgrade.strategy: found 'Rolling': write one of"),
        ({"replicas": 3}, "kubernetes.replicas: unknown key"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(section, message):
    with pytest.raises(ValidationError) as caught:
        fleet(**section)
    assert any(line.startswith(message) for line in explain(caught.value)), list(explain(caught.value))


def test_defaults_stand_without_the_section():
    assert fleet().kubernetes == fleet(**{}).kubernetes
    assert fleet().kubernetes.upgrade.strategy == "NewCluster"
