"""Checks of rendered manifests that need no cluster: `signalbox render --check`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cluster.spec import FleetSpec
from k8s.checks.builtin import check_built_in_kinds
from k8s.checks.crds import check_custom_resources
from k8s.checks.dockerfile import check_dockerfile
from k8s.checks.evictions import check_evictions
from k8s.checks.finding import Finding as Finding
from k8s.checks.finding import Report as Report
from k8s.checks.finding import Skipped
from k8s.checks.gateways import check_gateways
from k8s.checks.image_packages import check_image_packages
from k8s.checks.kubernetes_rules import check_kubernetes_rules
from k8s.checks.kustomize import FILE, BuildFailed, build, unused_files
from k8s.checks.monitoring import check_monitoring
from k8s.checks.network import check_network
from k8s.checks.objects import Body, Manifest, files_of, text
from k8s.checks.operator_rules import check_operator_rules
from k8s.checks.probes import check_probes
from k8s.checks.ray_cluster import check_ray_cluster
from k8s.checks.references import check_references
from k8s.checks.rendered import Rendered
from k8s.checks.scale_from_zero import check_scale_from_zero
from k8s.checks.security import check_security
from k8s.checks.serve_config import check_serve_config
from k8s.checks.services import check_services
from k8s.checks.streams import check_graceful_termination
from k8s.checks.worker_groups import check_worker_groups
from k8s.image import for_image
from k8s.overlays import small_twin
from k8s.render import DOWNLOADS

CHECKS: dict[str, Callable[[Rendered], Iterator[Finding]]] = {
    "crd schemas": check_custom_resources,
    "built-in kinds": check_built_in_kinds,
    "kubernetes rules": check_kubernetes_rules,
    "operator rules": check_operator_rules,
    "serve config": check_serve_config,
    "ray cluster": check_ray_cluster,
    "worker groups": check_worker_groups,
    "scale from zero": check_scale_from_zero,
    "gateways": check_gateways,
    "graceful termination": check_graceful_termination,
    "probes": check_probes,
    "security": check_security,
    "references": check_references,
    "network": check_network,
    "services": check_services,
    "monitoring": check_monitoring,
    "evictions": check_evictions,
    "image packages": check_image_packages,
}
"""The checks of each overlay, by name."""
KUSTOMIZE, DOCKERFILE = "kustomize", "dockerfile"


def check(folder: Path, spec: FleetSpec, crds: Path | None = None) -> Report:
    """Check everything that `signalbox render` wrote to a folder.

    Args:
        folder: the rendered folder, with `base` and `overlays`.
        spec: the fleet's spec.
        crds: folder of CustomResourceDefinitions. If it is None, their check is skipped.
    """
    overlays_of_finding: dict[Finding, list[str]] = {}
    skipped: dict[str, str] = {}
    overlays, files = overlays_of(folder), files_of(folder)
    for finding in _folder_findings(folder, overlays):
        overlays_of_finding[finding] = []
    for overlay in overlays:
        try:
            bodies = [*build(overlay), *_download(folder / DOWNLOADS / overlay.name)]
        except BuildFailed as error:
            overlays_of_finding[Finding(KUSTOMIZE, f"overlays/{overlay.name}", str(error))] = []
            continue
        manifests = tuple(Manifest(body, files.get(_key(body), "")) for body in bodies)
        findings, skips = check_overlay(Rendered(overlay.name, manifests, deployed_spec(spec, overlay.name), crds))
        skipped |= skips
        for finding in findings:
            overlays_of_finding.setdefault(finding, []).append(overlay.name)
    findings_here = [_placed(each, names, len(overlays)) for each, names in overlays_of_finding.items()]
    try:
        findings_here += check_dockerfile()
    except Skipped as why:
        skipped[DOCKERFILE] = str(why)
    ran = [name for name in (KUSTOMIZE, *CHECKS, DOCKERFILE) if name not in skipped]
    return Report(tuple(sorted(set(findings_here))), tuple(ran), skipped)


def _download(folder: Path) -> list[Body]:
    """The objects that are applied before an overlay."""
    return build(folder) if (folder / FILE).is_file() else []


def check_overlay(rendered: Rendered) -> tuple[list[Finding], dict[str, str]]:
    """Findings of one built overlay, and the skipped checks with their reasons."""
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    for name, run_check in CHECKS.items():
        try:
            for finding in run_check(rendered):
                findings.append(finding)
        except Skipped as why:
            skipped[name] = str(why)
    return findings, skipped


def _folder_findings(folder: Path, overlays: list[Path]) -> Iterator[Finding]:
    """Check that the folder has overlays, and that every file belongs to one."""
    if not overlays:
        yield Finding(KUSTOMIZE, str(folder), f"has no overlays/*/{FILE}, render into it first")
    try:
        for path in unused_files(folder):
            problem = f"is not listed in any {FILE} and would never be applied, list it or remove it"
            yield Finding(KUSTOMIZE, str(path.relative_to(folder)), problem)
    except BuildFailed:
        return  # building the overlay reports it


def overlays_of(folder: Path) -> list[Path]:
    """The overlays of a rendered folder."""
    return sorted(path.parent for path in folder.glob(f"overlays/*/{FILE}"))


def deployed_spec(spec: FleetSpec, overlay: str) -> FleetSpec:
    """The spec that an overlay deploys, with the image's paths. `dev` deploys the small twin."""
    image_spec = for_image(spec)
    return small_twin(image_spec) if overlay == "dev" else image_spec


def _key(body: object) -> tuple[str, str]:
    return text(body, "kind"), text(body, "metadata", "name")


def _placed(finding: Finding, overlays: list[str], overlay_count: int) -> Finding:
    """Name the overlays in a finding that not every overlay has."""
    if len(set(overlays)) in (0, overlay_count):
        return finding
    names = ", ".join(f"overlays/{name}" for name in dict.fromkeys(overlays))
    return Finding(finding.check, f"{names}: {finding.where}", finding.problem)
