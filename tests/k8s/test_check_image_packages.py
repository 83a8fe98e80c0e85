"""The image has what the pools' ways of loading weights need."""

from __future__ import annotations

import pytest
from checked_overlays import overlay, reported
from rendered_fleets import fleet

from cluster.loading import PROJECT_ROOT
from k8s.checks.image_packages import check_image_packages, extras_of_vllm


def project(folder, vllm):
    """A project file whose image has another vLLM."""
    text = (PROJECT_ROOT / "pyproject.toml").read_text()
    assert '"vllm[runai]==' in text
    path = folder / "pyproject.toml"
    path.write_text(text.replace("vllm[runai]", vllm))
    return path


def streamed(model="s3://bucket/model", options=None):
    return overlay(fleet({"model": model, "engine": {"options": options or {}}}, kubernetes={"weights": None}))


@pytest.mark.parametrize(
    ("model", "options"),
    [("s3://bucket/model", {}), ("org/model", {"load_format": "runai_streamer"}), ("org/model", {})],
)
def test_the_image_streams_from_object_stores(model, options):
    assert reported(check_image_packages, streamed(model, options)) == []


@pytest.mark.parametrize(
    ("model", "options"), [("s3://bucket/model", {}), ("org/model", {"load_format": "runai_streamer"})]
)
def test_without_the_extra_it_does_not(tmp_path, model, options):
    """The image of before had none: documented replicas crashed on rented GPUs."""
    (found,) = check_image_packages(streamed(model, options), project(tmp_path, "vllm"))
    assert "pools.small.engine.options.load_format" in found.where
    assert "needs vllm[runai], which the image lacks" in found.problem


def test_other_formats_are_named():
    (found,) = reported(check_image_packages, streamed("org/model", {"load_format": "tensorizer"}))
    assert "needs vllm[tensorizer]" in found


def test_extras_are_those_of_the_gpu_image(tmp_path):
    assert extras_of_vllm(project(tmp_path, "vllm[runai,tensorizer]")) == {"runai", "tensorizer"}
