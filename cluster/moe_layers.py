"""The experts of a model, read from the fields of its config.json, which families name differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
PER_TOKEN = ("num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_k")
WIDTHS = ("moe_intermediate_size", "expert_intermediate_size", "intermediate_size")
SHARED_WIDTHS = (
    "moe_shared_expert_intermediate_size", "shared_expert_intermediate_size", "shared_intermediate_size",
)  # fmt: skip
SHARED_EXPERTS = ("n_shared_experts", "num_shared_experts", "num_shared_expert", "moe_num_shared_experts")


@dataclass(frozen=True)
class Experts:
    """A layer with experts, and how many layers there are of it. Sizes are parameters."""

    layers: int
    experts: int
    per_token: int
    expert: int
    """Of one routed expert."""
    shared: int
    """Of the router and of the experts that every token passes."""


def experts_in(config: Mapping[str, Any], matrices: int) -> Experts | None:
    """The experts of a model; None if it has none.

    Args:
        matrices: matrices of an MLP: three with a gate, two without.
    """
    if not (experts := _first(config, EXPERTS)):
        return None
    hidden, width = config["hidden_size"], _first(config, WIDTHS)
    shared = _first(config, SHARED_WIDTHS) or width * _shared_experts(config)
    return Experts(
        layers=_layers(config),
        experts=experts,
        per_token=_first(config, PER_TOKEN),
        expert=matrices * hidden * width,
        shared=matrices * hidden * shared + hidden * experts,
    )


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """The first of these fields that is set; of a list by layer, its largest value."""
    value = next((config[name] for name in names if config.get(name)), 0)
    return int(max(value) if isinstance(value, list) else value)


def _shared_experts(config: Mapping[str, Any]) -> int:
    """Llama 4 has one in each layer and no field for it."""
    return 1 if str(config.get("model_type")).startswith("llama4") else _first(config, SHARED_EXPERTS)


def _layers(config: Mapping[str, Any]) -> int:
    """Layers with routed experts: all, but for the first ones, those of a list, or those of a period."""
    layers = int(config["num_hidden_layers"])
    if pattern := config.get("hybrid_override_pattern"):
        return str(pattern).count("E")
    if isinstance(frequency := config.get("moe_layer_freq"), list):
        return sum(map(bool, frequency))
    if (start := config.get("moe_layer_start_index")) is not None:
        return layers - int(start)
    dense = (
        config.get("first_k_dense_replace")
        or config.get("num_dense_layers")
        or len(config.get("mlp_only_layers") or ())
    )
    return (layers - int(dense)) // int(config.get("interleave_moe_layer_step") or 1)
