"""Every field of an overlay for production: deleting it is reported, or it is known to be one that may be left out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from checked_overlays import CRDS, changed, gpu_overlay, needs_crds

from k8s.checks import check_overlay

OPTIONAL = {
    r"metadata labels( \S+)?": "only selectors and people read them; those that select are in pod templates",
    r".* (livenessProbe|readinessProbe)": "KubeRay has probes of its own; Redis' are for comfort",
    r".* (livenessProbe|readinessProbe) \w+(Seconds|Threshold)": "Kubernetes' defaults are stricter",
    r".* resources requests( \S+)?": "they default to the limits",
    r".* (runAsGroup|fsGroupChangePolicy|readOnlyRootFilesystem|imagePullPolicy|restartPolicy)": "or the same",
    r".* (upscalingMode|dashboard-host|numOfHosts|idleTimeoutSeconds)": "the default is the same, or it stands twice",
    r".* tolerations 0 effect": "no effect means every effect",
    r".* ports \d+ (protocol|targetPort)": "TCP, and the port's own number",
    r"spec ports 0 name": "a single port needs none",
    r".* containers 0 ports \d+( name)?": "KubeRay adds the port for metrics; the others are checked",
    r"spec (replicas|policyTypes|policyTypes 0)": "one, and Ingress",
    r".* topologySpreadConstraints( .+)?": "a preference: gateways on separate machines",
    r".* 0 template metadata labels signalbox/hardware": "budgets select by it, and this fleet has none for this kind",
    r"spec template spec enableServiceLinks": "Redis reads no variable that a Service sets",
    r"spec ingress 3( .+)?": "for Prometheus, which this fleet has none of",
    r"spec ingress [02] ports( 0)?": "wider for a named peer alone",
}
"""Fields that may be left out, as regular expressions of their path, and why."""


def paths(value, path=""):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        here = f"{path} {key}".strip()
        yield here
        yield from paths(item, here)


def may_be_left_out(path):
    return any(re.fullmatch(pattern, path) for pattern in OPTIONAL)


@needs_crds
@pytest.mark.slow
def test_every_field_is_needed_or_known_to_be_optional():
    untouched = replace(gpu_overlay(), crds=CRDS)
    assert check_overlay(untouched)[0] == []
    unnoticed = []
    fields = [(each.kind, each.name, path) for each in untouched.manifests for path in paths(each.body)]
    for kind, name, path in fields:
        broken = changed(untouched, kind, path, name=name)
        if not check_overlay(broken)[0] and not may_be_left_out(path):
            unnoticed.append(f"{kind}/{name} {path}")
    assert len(fields) > 250
    assert unnoticed == [], "\n".join(unnoticed)
