"""Validates objects against the schemas and CEL rules of their CustomResourceDefinitions, like an API server.

Unlike the API server, which silently drops unknown fields, these checks report them: they are usually typos.
Rules: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from cluster.problems import did_you_mean
from k8s.checks.cel import broken_rules
from k8s.checks.finding import Finding, Skipped
from k8s.checks.objects import Body, Manifest, mapping, read_yaml, sequence, text
from k8s.checks.rendered import Rendered
from k8s.checks.schema_errors import explained

CHECK = "crd schemas"
BUILT_IN_GROUPS = ("", "apps", "batch", "policy", "autoscaling", "networking.k8s.io", "rbac.authorization.k8s.io")
"""API groups of every cluster. `k8s.checks.builtin` checks them."""
NEEDED_GROUPS = ("ray.io", "monitoring.coreos.com")
"""API groups that a folder of definitions must contain. Those of the Gateway API may be missing."""
METADATA = ("name", "namespace", "labels", "annotations", "finalizers")
"""Metadata fields that a manifest may set. The API server sets the rest of ObjectMeta."""


class NoDefinitions(ValueError):
    """The folder contains no valid CustomResourceDefinitions."""


@dataclass(frozen=True)
class Schema:
    """The schema of one version of a custom resource."""

    raw: Body

    @functools.cached_property
    def validator(self) -> Draft202012Validator:
        """The validator, cached because its construction is slow."""
        return Draft202012Validator(strict(self.raw))


def check_custom_resources(rendered: Rendered) -> Iterator[Finding]:
    """Check the schema and the rules of every custom resource.

    Raises:
        Skipped: no folder of CustomResourceDefinitions was given, or, at the end, it lacks those of other projects.
    """
    if rendered.crds is None:
        raise Skipped(
            "no folder of CRDs was given, pass one with --crds that has KubeRay's (helm-chart/kuberay-operator/crds) "
            "and prometheus-operator's (example/prometheus-operator-crd)"
        )
    try:
        schemas = load_schemas(rendered.crds)
    except NoDefinitions as error:
        yield Finding(CHECK, str(rendered.crds), str(error))
        return
    unknown: set[str] = set()
    for manifest in rendered.manifests:
        if manifest.api_version.rpartition("/")[0] in BUILT_IN_GROUPS:
            continue
        if (schema := schemas.get((manifest.api_version, manifest.kind))) is not None:
            yield from _check(manifest, schema)
        elif problem := _why_no_schema(manifest, schemas):
            yield Finding(CHECK, manifest.where("apiVersion"), problem)
        else:
            unknown.add(manifest.kind)
    if unknown:
        raise Skipped(f"{rendered.crds} has no definition of {', '.join(sorted(unknown))}; other kinds were checked")


def _why_no_schema(manifest: Manifest, schemas: dict[tuple[str, str], Schema]) -> str | None:
    """The problem of a kind without a schema; None if a folder of definitions need not contain it."""
    versions = [version for version, kind in schemas if kind == manifest.kind]
    if versions:
        return f"invalid value '{manifest.api_version}', use {', '.join(versions)}"
    if manifest.api_version.rpartition("/")[0] in NEEDED_GROUPS:
        return f"the folder of definitions lacks {manifest.kind}, add its definition"
    return None


@functools.lru_cache(maxsize=4)
def load_schemas(folder: Path) -> dict[tuple[str, str], Schema]:
    """Structural schemas of every CRD in a folder, by apiVersion and kind.

    Raises:
        NoDefinitions: the folder contains none, or an unreadable one.
    """
    schemas: dict[tuple[str, str], Schema] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            documents = read_yaml(path.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise NoDefinitions(f"{path.name} cannot be read: {' '.join(str(error).split())}") from error
        for crd in documents:
            if text(crd, "kind") != "CustomResourceDefinition":
                continue
            group, kind = text(crd, "spec", "group"), text(crd, "spec", "names", "kind")
            for version in sequence(crd, "spec", "versions"):
                schema = Schema(mapping(version, "schema", "openAPIV3Schema"))
                schemas[f"{group}/{text(version, 'name')}", kind] = schema
    if not schemas:
        raise NoDefinitions("contains no CustomResourceDefinition, pass their folder with --crds")
    return schemas


def _check(manifest: Manifest, schema: Schema) -> Iterator[Finding]:
    body = {key: value for key, value in manifest.body.items() if key not in ("apiVersion", "kind", "metadata")}
    for key in mapping(manifest.body, "metadata").keys() - set(METADATA):
        yield Finding(CHECK, manifest.where(f"metadata.{key}"), f"is unknown, {did_you_mean(str(key), METADATA)}")
    for error in schema.validator.iter_errors(body):
        for path, problem in explained(error):
            yield Finding(CHECK, manifest.where(path), problem)
    for path, problem in [*repeated_keys(body, schema.raw), *broken_rules(body, schema.raw)]:
        yield Finding(CHECK, manifest.where(path), problem)


def strict(schema: Body) -> Body:
    """A structural schema as a JSON Schema that rejects unknown fields."""
    out = {key: value for key, value in schema.items() if not key.startswith("x-") and key != "default"}
    out.pop("description", None)
    if schema.get("x-kubernetes-int-or-string"):
        out.pop("type", None)
        out["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if "properties" in schema:
        out["properties"] = {name: strict(each) for name, each in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        out["items"] = strict(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        out["additionalProperties"] = strict(schema["additionalProperties"])
    elif schema.get("type") == "object" and not schema.get("x-kubernetes-preserve-unknown-fields"):
        out.setdefault("additionalProperties", False)
    if out.pop("nullable", False) and "type" in out:
        out["type"] = [out["type"], "null"]
    return out


def repeated_keys(value: Any, schema: Body, path: str = "") -> Iterator[tuple[str, str]]:
    """Lists of type `map` with repeated keys, which the API server rejects."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if isinstance(value, list):
        seen: set[tuple[Any, ...]] = set()
        for index, item in enumerate(value):
            if keys and isinstance(item, dict):
                key = tuple(str(item.get(name)) for name in keys)
                if key in seen:
                    yield f"{path}[{index}]", f"repeats {'/'.join(keys)} {'/'.join(key)}, use each once"
                seen.add(key)
            yield from repeated_keys(item, mapping(schema, "items"), f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            inner = mapping(schema, "properties", name) or mapping(schema, "additionalProperties")
            yield from repeated_keys(item, inner, f"{path}.{name}".lstrip("."))
