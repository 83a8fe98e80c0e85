"""Options of a pool on nodes without Signalbox's label."""

from __future__ import annotations

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.app import build
from deployments.config import LAPTOP, serve_config
from deployments.node_choice import NodeChoice, as_argument, from_argument

CHOICE = NodeChoice({"ray.io/accelerator-type": "A100"}, "A100")


def deployments(spec, choices):
    args = serve_config(spec, LAPTOP)["applications"][0]["args"] | {"nodes": as_argument(choices)}
    return {name: bound._bound_deployment for name, bound in build(args)._bound_deployment.init_args[0].items()}


@pytest.mark.parametrize("name", ["a100", "l4", "laptop-tp"])
def test_all_pools_ask_for_the_chosen_nodes_and_their_name_of_the_gpu(name):
    spec = load_spec(PROJECT_ROOT / "examples" / f"{name}.yaml")
    choices = {
        kind: NodeChoice({"ray.io/node-id": f"in({kind})"}, "A100" if hardware.is_gpu else None)
        for kind, hardware in spec.hardware.items()
    }
    assert from_argument(as_argument(choices)) == choices
    for pool, made in deployments(spec, choices).items():
        kind = spec.hardware_name(pool)
        config, devices = made._replica_config, spec.pools[pool].devices
        bundles = config.placement_group_bundles or [config.ray_actor_options.get("resources", {})]
        selectors = config.placement_group_bundle_label_selector or [config.ray_actor_options["label_selector"]]
        assert selectors == [{"ray.io/node-id": f"in({kind})"}] * len(bundles)
        assert len(bundles) == devices
        types = {key for bundle in bundles for key in bundle if key.startswith("accelerator_type:")}
        assert types == ({"accelerator_type:A100"} if spec.hardware[kind].is_gpu else set())
