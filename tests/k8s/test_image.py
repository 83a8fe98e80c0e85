"""Paths in the image: the project moves, volumes stay, everything else is refused."""

from __future__ import annotations

import tomllib
from importlib.metadata import version

import pytest
from rendered_fleets import example, fleet

from cluster.kubernetes.values import IMAGE_ROOT
from cluster.loading import PROJECT_ROOT
from k8s.errors import RenderError
from k8s.image import for_image
from k8s.pods import GROUP, USER


def test_the_project_moves_into_the_image():
    there = for_image(example("laptop-escalation"))
    assert there.pools["small"].model == f"{IMAGE_ROOT}/demo/models/small"
    assert there.routing.escalation.model == f"{IMAGE_ROOT}/demo/confidence.json"
    assert str(PROJECT_ROOT) not in there.model_dump_json()


@pytest.mark.parametrize("model", ["org/model", "s3://bucket/model", "/models/mine/llama", "/cache/llama"])
def test_what_pods_see_stays(model):
    spec = fleet({"model": model}, cache_folder="/cache")
    assert for_image(spec).pools["small"].model == model


@pytest.mark.parametrize(
    ("pool", "field"),
    [
        ({"model": "/home/me/model"}, "pools.small.model"),
        ({"model": "/models-of-mine"}, "pools.small.model"),
        ({"tokenizer": "/home/me/t"}, "pools.small.tokenizer"),
        ({"adapters": {"a": "/home/me/a"}}, "pools.small.adapters.a"),
        ({"speculation": {"model": "/home/me/d"}}, "pools.small.speculation.model"),
    ],
)
def test_a_folder_of_this_machine_is_refused(pool, field):
    with pytest.raises(RenderError) as caught:
        for_image(fleet(pool))
    assert str(caught.value).startswith(f"{field}: /")
    assert "use a hub id, an s3:// URI, or a folder below /models" in str(caught.value)


def test_folders_of_the_home_directory_are_refused():
    with pytest.raises(
        RenderError, match=r"(?s)cache_folder: invalid value '~/c'.*routing\.state_folder: invalid value 'state'"
    ):
        for_image(fleet(cache_folder="~/c", routing={"state_folder": "state"}))


def test_the_image_is_what_manifests_say_of_it():
    dockerfile = (PROJECT_ROOT / "k8s" / "Dockerfile").read_text()
    assert f"WORKDIR {IMAGE_ROOT}\n" in dockerfile
    assert f"ENV PYTHONPATH={IMAGE_ROOT}\n" in dockerfile
    assert f"USER {USER}:{GROUP}\n" in dockerfile
    assert f"rayproject/ray:{version('ray')}-" in dockerfile


def test_the_image_has_every_package_and_no_tests():
    ignored = (PROJECT_ROOT / ".dockerignore").read_text().split()
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert {name.removesuffix("*") for name in packages} <= let_in
    assert not {"tests", "docs", ".git", ".venv"} & let_in
