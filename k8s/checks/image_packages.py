"""Checks that the image has the packages that the pools' ways of loading weights need."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from cluster.loading import PROJECT_ROOT
from cluster.pool import PoolSpec
from k8s.checks.finding import Finding
from k8s.checks.rendered import Rendered

CHECK = "image packages"
EXTRAS = {
    "runai_streamer": "runai",
    "runai_streamer_sharded": "runai",
    "tensorizer": "tensorizer",
    "fastsafetensors": "fastsafetensors",
    "instanttensor": "instanttensor",
}
"""Extra of vLLM that a `load_format` needs (vLLM 0.32, pyproject.toml, optional dependencies)."""
OBJECT_STORES = ("s3://", "gs://", "az://")
"""Models that vLLM loads with runai_streamer."""


def check_image_packages(rendered: Rendered, project: Path = PROJECT_ROOT / "pyproject.toml") -> Iterator[Finding]:
    """Every `load_format` has its package in the image that k8s/Dockerfile builds."""
    installed = extras_of_vllm(project)
    for name, pool in rendered.spec.pools.items():
        needed = _extra(pool)
        if needed and needed not in installed:
            problem = f"needs vllm[{needed}], which the image lacks, add it to the extra gpu of {project.name}"
            yield Finding(CHECK, f"pools.{name}.engine.options.load_format", problem)


def _extra(pool: PoolSpec) -> str | None:
    """The extra of vLLM that loads a pool's weights; None if it needs none."""
    if pool.model.startswith(OBJECT_STORES):
        return EXTRAS["runai_streamer"]
    return EXTRAS.get(str(pool.engine.options.get("load_format")))


def extras_of_vllm(project: Path) -> set[str]:
    """Extras of vLLM in the extra `gpu` of a project file."""
    listed = tomllib.loads(project.read_text())["project"]["optional-dependencies"]["gpu"]
    return {extra for each in map(Requirement, listed) if each.name == "vllm" for extra in each.extras}
