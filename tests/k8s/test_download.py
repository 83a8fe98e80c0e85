"""The Job that downloads models: each hub id once, to where replicas look for it."""

from __future__ import annotations

import pytest
import yaml
from rendered_fleets import example, fleet, objects

from k8s.download import download_job, hub_models
from k8s.image import for_image
from k8s.names import FLEET_LABEL
from k8s.render import render

JOB = ("Job", "fleet-download")


def job(spec):
    return objects(spec, "download/prod")[JOB]["spec"]


def pod(spec):
    return job(spec)["template"]["spec"]


def test_every_model_is_downloaded_once_to_the_volume_that_replicas_read():
    spec = fleet({"tokenizer": "org/tokenizer", "adapters": {"formal": "org/lora", "other": "/models/lora"}})
    (container,) = pod(spec)["containers"]
    assert container["command"][:2] == ["sh", "-c"]
    assert container["command"][4:] == ["org/model", "org/tokenizer", "org/lora"]
    assert {"name": "HF_HOME", "value": "/models/huggingface"} in container["env"]
    assert container["volumeMounts"] == [{"name": "weights", "mountPath": "/models"}]
    assert pod(spec)["volumes"] == [{"name": "weights", "persistentVolumeClaim": {"claimName": "fleet-weights"}}]
    assert job(spec)["template"]["metadata"]["labels"] == {FLEET_LABEL: "fleet"}


def test_a_cache_folder_is_where_replicas_look():
    spec = fleet(cache_folder="/mnt/cache", kubernetes={"env": {"HF_ENDPOINT": "https://hub.example.com"}})
    (container,) = pod(spec)["containers"]
    values = {each["name"]: each.get("value") for each in container["env"]}
    assert values["HF_HUB_CACHE"] == "/mnt/cache/huggingface/hub"
    assert values["HF_ENDPOINT"] == "https://hub.example.com"
    assert container["volumeMounts"] == [{"name": "cache", "mountPath": "/mnt/cache"}]


@pytest.mark.parametrize(
    ("pool", "section"),
    [
        ({"model": "s3://bucket/model"}, {}),
        ({"model": "/models/mine"}, {}),
        ({}, {"weights": None}),
        ({}, {"weights": {"host_path": "/mnt/disks/ssd0"}}),
    ],
)
def test_nothing_to_download_or_no_shared_volume(pool, section):
    spec = fleet(pool, kubernetes=section)
    assert download_job(for_image(spec)) is None
    assert not [path for path in render(spec) if path.startswith("download/")]


def test_models_of_an_example():
    models = [pool.model for pool in example("l4").pools.values()]
    assert hub_models(for_image(example("l4"))) == models


def test_the_job_is_applied_by_itself():
    """Its template cannot be changed, so that applying the fleet again must not touch it."""
    files = render(fleet())
    assert yaml.safe_load(files["download/prod/kustomization.yaml"])["resources"] == ["job.yaml"]
    assert JOB not in objects(fleet(), "overlays") | objects(fleet(), "base")
