"""Which changes of a spec need new processes."""

from __future__ import annotations

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from deployments.running_spec import changes, needs_restart, version, whole

SPEC = {
    "hardware": {"cpu": {"nodes": 2}},
    "pools": {
        "small": {"tier": "small", "model": "org/small", "replicas": {"min": 1, "max": 3}},
        "large": {"tier": "large", "model": "org/large"},
    },
}
KEY = {"sha256": 64 * "a"}


def changed(path, value):
    """The spec with one other value."""
    data = FleetSpec.model_validate(SPEC).model_dump(mode="json")
    *parents, last = path.split(".")
    place = data
    for each in parents:
        place = place[each]
    place[last] = value
    return FleetSpec.model_validate(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("gateway.api_keys", {"ann": KEY}),
        ("gateway.max_body_bytes", 5_000),
        ("gateway.request_timeout_s", 30.0),
        ("gateway.replicas", {"min": 2, "max": 2}),
        ("pools.small.prices.output_per_mtok", 3.0),
        ("pools.small.aliases", ["tiny"]),
        ("pools.small.replicas", {"min": 0, "max": 2}),
        ("pools.small.capabilities", []),
        ("routing.cost_weight", 0.5),
        ("routing.escalation", None),
        ("routing.budget", {"large_share": 0.2}),
        ("routing.default", "auto:cheap"),
        ("scaling.downscale_delay_s", 5.0),
        ("log_level", "debug"),
    ],
)
def test_what_replicas_do_not_read_changes_in_place(path, value):
    before, after = FleetSpec.model_validate(SPEC), changed(path, value)
    assert needs_restart(after) == needs_restart(before)
    assert version(after) != version(before)
    assert any(each.startswith(path) for each in changes(whole(before), whole(after)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pools.small.model", "org/other"),
        ("pools.small.engine.options", {"max_model_len": 512}),
        ("pools.small.parallel.tensor", 2),
        ("hardware.cpu.nodes", 3),
        ("gateway.port", 8001),
        ("scaling.policy", "ray-serve"),
        ("routing.state_folder", "/tmp/other"),
        ("cache_folder", "/tmp/cache"),
    ],
)
def test_what_processes_start_with_needs_new_ones(path, value):
    before, after = FleetSpec.model_validate(SPEC), changed(path, value)
    (named,) = changes(needs_restart(before), needs_restart(after))
    assert named.startswith(path)


@pytest.mark.parametrize("path", sorted((PROJECT_ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_part_is_a_spec_without_keys_and_says_all_of_a_pool(path):
    spec = load_spec(path)
    part = FleetSpec.model_validate(needs_restart(spec))
    assert part.gateway.api_keys == {}
    assert {name: (pool.model, pool.engine, pool.parallel) for name, pool in part.pools.items()} == {
        name: (pool.model, pool.engine, pool.parallel) for name, pool in spec.pools.items()
    }


def test_the_version_ignores_what_nothing_running_reads():
    before = FleetSpec.model_validate(SPEC)
    assert version(FleetSpec.model_validate(SPEC | {"kubernetes": {"namespace": "other"}})) == version(before)
