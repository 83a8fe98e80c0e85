"""Validates Kubernetes' built-in kinds against its OpenAPI schemas. Unknown fields are errors."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator

from k8s.checks.crds import BUILT_IN_GROUPS
from k8s.checks.finding import Finding, Skipped
from k8s.checks.rendered import Rendered
from k8s.checks.schema_errors import explained

CHECK = "built-in kinds"
KUBERNETES = "1.31"
"""The oldest supported Kubernetes version. KubeRay 1.7 and the Gateway API for upgrades run on it."""


def check_built_in_kinds(rendered: Rendered) -> Iterator[Finding]:
    """Validate every object of a built-in kind.

    Raises:
        Skipped: the schemas are not installed.
    """
    try:
        import kubernetes_validate  # noqa: F401
    except ModuleNotFoundError as error:
        raise Skipped("Kubernetes' schemas are missing, run pip install kubernetes-validate") from error
    for manifest in rendered.manifests:
        if not (manifest.api_version and manifest.kind and manifest.name):
            yield Finding(CHECK, manifest.where(), "lacks apiVersion, kind or metadata.name, set all three")
        elif manifest.api_version.rpartition("/")[0] in BUILT_IN_GROUPS:
            for path, problem in _problems(json.dumps(manifest.body, sort_keys=True)):
                yield Finding(CHECK, manifest.where(path), problem)


@functools.lru_cache(maxsize=512)
def _problems(body: str) -> tuple[tuple[str, str], ...]:
    """Field paths and problems. Cached, because each validation reads megabytes and overlays share most objects."""
    import kubernetes_validate

    try:
        kubernetes_validate.validate(json.loads(body), KUBERNETES, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return (("apiVersion", f"does not have this kind in Kubernetes {KUBERNETES}, look up the kind's apiVersion"),)
    except kubernetes_validate.ValidationError as error:
        return tuple(explained(error))
    return ()
