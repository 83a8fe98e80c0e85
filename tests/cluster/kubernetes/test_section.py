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
        ({"upgrade": {"gateway_class": "istio"}}, "kubernetes.upgrade.gateway_class: strategy NewCluster does not"),
        (
            {
                "upgrade": {"strategy": "NewClusterWithIncrementalUpgrade", "gateway_class": "istio"},
                "expose": {"kind": "ingress", "host": "a.example"},
            },
            "kubernetes.expose.kind: KubeRay creates its own Gateway for incremental upgrades: use none",
        ),
        ({"expose": {"kind": "ingress"}}, "kubernetes.expose.host: is missing: use the endpoint's"),
        ({"expose": {"kind": "gateway", "host": "a.example"}}, "kubernetes.expose.class_name: is missing"),
        ({"expose": {"host": "a.example"}}, "kubernetes.expose.host: kind none does not use it"),
        ({"cache": {"claim": "a", "host_path": "/b"}}, "kubernetes.cache.host_path: claim and host_path"),
        ({"cache": {"host_path": "b"}}, "kubernetes.cache.host_path: invalid value 'b', use an absolute"),
        ({"weights": {"mount": "models"}}, "kubernetes.weights.mount: invalid value 'models', use an absolute"),
        ({"weights": {"mount": "~/models"}}, "kubernetes.weights.mount: invalid value '~/models', use an absolute"),
        ({"weights": {"size": "500G"}}, "kubernetes.weights.size: invalid value '500G', use a size"),
        ({"image_pull_secret": "My Key"}, "kubernetes.image_pull_secret: invalid value 'My Key', use lower-case"),
        ({"hardware": {"l4-eight": {"cpus": 4}}}, "kubernetes.hardware.l4-eight: no such hardware, use one of cpu"),
        ({"hardware": {"cpus": {"cpus": 4}}}, "kubernetes.hardware.cpus: no such hardware, did you mean 'cpu'?"),
        ({"upgrade": {"strategy": "Rolling"}}, "kubernetes.upgrade.strategy: invalid value 'Rolling', use one of"),
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
