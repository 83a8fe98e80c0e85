"""Custom resources against their definitions: unknown fields, types, lists with keys, CEL rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from checked_overlays import BOX, CLUSTER, CRDS, DELETE, GROUP, HEAD, POD, changed, l4_overlay, needs_crds, reported

from k8s.checks.crds import check_custom_resources, load_schemas
from k8s.checks.finding import Skipped
from k8s.checks.objects import Manifest
from k8s.checks.rendered import Rendered


@needs_crds
@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_untouched_output_fits(overlay):
    assert reported(check_custom_resources, l4_overlay(overlay)) == []


@needs_crds
@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("RayService", f"{GROUP} minReplica", 1, "is unknown and would be ignored, did you mean 'minReplicas'"),
        ("RayService", f"{HEAD} rayStartParams num-cpus", 0, "invalid value 0, use a value of type string, in quotes"),
        ("RayService", f"{GROUP} maxReplicas", "2", "maxReplicas: invalid value '2', use a value of type integer"),
        ("RayService", f"{CLUSTER} authOptions mode", "tokens", "mode: invalid value 'tokens', use one of disabled"),
        ("RayService", f"{HEAD} template", DELETE, "headGroupSpec: lacks template, add it"),
        ("RayService", f"{POD} tolerations 0 operater", "Exists", "did you mean 'operator'"),
        ("RayService", f"{BOX} livenessProbe httpGet port", 1.5, "invalid value 1.5, use a value of type"),
        ("RayService", f"{POD} containers +", {"name": "ray-worker"}, "repeats name ray-worker, use each once"),
        ("RayService", f"{CLUSTER} managedBy", "me", "managedBy: invalid value 'me': the managedBy"),
        ("RayService", "metadata label", {}, "metadata.label: is unknown, did you mean 'labels'"),
        ("RayService", "apiVersion", "ray.io/v2", "invalid value 'ray.io/v2', use ray.io/v1, ray.io/v1alpha1"),
        ("PodMonitor", "spec podMetricsEndpoints 0 interval", "often", "invalid value 'often', which violates the"),
        ("PodMonitor", "spec selector", DELETE, "spec: lacks selector"),
        ("PrometheusRule", "spec groups 0 rules 0 expr", DELETE, "rules[0]: lacks expr"),
    ],
)  # fmt: skip
def test_mistakes_are_found(kind, path, value, problem):
    found = reported(check_custom_resources, changed(l4_overlay(), kind, path, value))
    assert any(problem in line for line in found), found


@needs_crds
def test_a_finding_names_file_object_and_field():
    (finding,) = reported(check_custom_resources, changed(l4_overlay(), "RayService", "spec serveConfig", "a: 1"))
    start = "base/ray-service.yaml RayService/signalbox spec.serveConfig: is unknown and would be ignored"
    assert finding.startswith(start)


def definition(**schema):
    version = {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema}}}}
    spec = {"group": "tests.io", "names": {"kind": "Thing"}, "versions": [version]}
    return {"kind": "CustomResourceDefinition", "spec": spec}


def thing(tmp_path, schema, spec):
    """A thing in an overlay, with its definition."""
    (tmp_path / "thing.yaml").write_text(yaml.safe_dump(definition(**schema)))
    body = {"apiVersion": "tests.io/v1", "kind": "Thing", "metadata": {"name": "it"}, "spec": spec}
    return Rendered("prod", (Manifest(body),), l4_overlay().spec, tmp_path)


OBJECT = {"type": "object", "properties": {"min": {"type": "integer"}, "max": {"type": "integer"}}}
IN_ORDER = {"x-kubernetes-validations": [{"rule": "self.min <= self.max", "message": "min above max"}]}


@pytest.mark.parametrize(
    ("schema", "spec", "problem"),
    [
        (OBJECT | IN_ORDER, {"min": 1, "max": 2}, None),
        (OBJECT | IN_ORDER, {"min": 3, "max": 2}, "spec: invalid value a mapping of 2: min above max"),
        (OBJECT | IN_ORDER, {"max": 2}, "the rule cannot be evaluated"),
        (OBJECT | {"x-kubernetes-validations": [{"rule": "self == oldSelf"}]}, {"min": 3}, None),
        (OBJECT | {"x-kubernetes-preserve-unknown-fields": True}, {"any": 1}, None),
        (OBJECT, {"any": 1}, "spec.any: is unknown"),
        ({"type": "object"}, {"any": 1}, "spec.any: is unknown"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"any": "1"}, None),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"any": 1}, "spec.any: invalid value 1"),
        ({"x-kubernetes-int-or-string": True}, 5, None),
        ({"x-kubernetes-int-or-string": True}, "50%", None),
        ({"x-kubernetes-int-or-string": True}, [], "spec: invalid value a list of 0, use a value of type integer"),
        ({"type": "string", "nullable": True}, None, None),
        ({"type": "string"}, None, "spec: is missing, use a value of type string"),
    ],
)
def test_structural_schemas(tmp_path, schema, spec, problem):
    found = reported(check_custom_resources, thing(tmp_path, schema, spec))
    assert found == [] if problem is None else any(problem in line for line in found), found


def test_it_is_skipped_where_no_definitions_are_given():
    with pytest.raises(Skipped, match="--crds"):
        list(check_custom_resources(replace(l4_overlay(), crds=None)))


def test_a_folder_that_holds_no_definitions_is_a_mistake(tmp_path):
    elsewhere = replace(l4_overlay(), crds=tmp_path)
    (found,) = reported(check_custom_resources, elsewhere)
    assert found == f"{tmp_path}: contains no CustomResourceDefinition, pass their folder with --crds"
    load_schemas.cache_clear()
    (tmp_path / "bad.yaml").write_text("a: [")
    (found,) = reported(check_custom_resources, elsewhere)
    assert found.startswith(f"{tmp_path}: bad.yaml cannot be read: ")


def test_definitions_of_other_projects_may_be_missing_but_not_kuberay_s(tmp_path):
    (tmp_path / "thing.yaml").write_text(yaml.safe_dump(definition(type="object")))
    found = reported(check_custom_resources, replace(l4_overlay(), crds=tmp_path))
    assert any("RayService/signalbox apiVersion: the folder of definitions lacks" in line for line in found), found
    route = Manifest({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}})
    with pytest.raises(Skipped, match=r"has no definition of HTTPRoute; other kinds were checked"):
        list(check_custom_resources(replace(l4_overlay(), manifests=(route,), crds=tmp_path)))


@needs_crds
def test_definitions_are_kuberay_s_and_prometheus_operator_s():
    assert {kind for _, kind in load_schemas(CRDS)} >= {"RayService", "RayCluster", "PodMonitor", "PrometheusRule"}
