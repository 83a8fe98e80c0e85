"""The cache folder: where it leads, who is told, and what is said where it cannot be written."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cluster.spec import FleetSpec
from deployments.app import build
from deployments.caches import FOLDERS, CacheUnusable, cache_environment, require_cache
from deployments.local.fleet import LocalFleet
from deployments.local.ports import free_port
from deployments.start_watch import FleetFailed

POOLS = {"small": {"tier": "small", "model": "m"}}


def spec(folder=None, **changes):
    return FleetSpec.model_validate({"pools": POOLS, "cache_folder": folder} | changes)


def actor_options(fleet):
    """Of the replicas of the pool, as Serve is given them."""
    pools = build({"spec": fleet.model_dump(mode="json")})._bound_deployment.init_args[0]
    return pools["small"]._bound_deployment.ray_actor_options


def test_without_a_folder_nothing_is_changed():
    assert cache_environment(spec()) == {}
    assert not actor_options(spec()).get("runtime_env", {}).get("env_vars")
    require_cache(spec())


def test_replicas_start_with_folders_below_it(tmp_path):
    folder = tmp_path / "new" / "cache"
    variables = cache_environment(spec(str(folder)))
    assert variables.keys() == FOLDERS.keys()
    assert len(set(variables.values())) == len(FOLDERS)
    assert all(value.startswith(f"{folder}/") for value in variables.values())
    assert actor_options(spec(str(folder)))["runtime_env"]["env_vars"] == variables
    require_cache(spec(str(folder)))
    assert list(folder.iterdir()) == []


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_environment(spec("~/cache"))["VLLM_CACHE_ROOT"] == f"{tmp_path}/cache/vllm"


@pytest.mark.parametrize("folder", ["cache", "./cache", ""])
def test_a_path_that_is_another_on_every_node_is_refused(folder):
    with pytest.raises(ValidationError, match="use an absolute path that exists on every node, such as /mnt/cache"):
        spec(folder)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    fleet = spec(str(tmp_path / "file" / "cache"), gateway={"port": free_port()})
    with pytest.raises(
        CacheUnusable, match=r"cache_folder: .*/file/cache cannot be written on \S+ \(Not a directory\)"
    ):
        require_cache(fleet)
    local = LocalFleet(fleet)
    try:
        with pytest.raises(FleetFailed, match=r"cache_folder: .* leave cache_folder out"):
            local.start()
    finally:
        local.stop()
