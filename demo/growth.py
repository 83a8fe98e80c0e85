"""Initialises a bigger model from the trained small one, which saves most of its training.

The small model's two layers are copied. The other layers start as identities (their output matrices are zero), and the
extra units of wider feed-forward blocks start at zero. Every expert starts as a copy of the dense block ("sparse
upcycling", Komatsuzaki et al. 2022). The grown model initially computes exactly the same as the small one.
"""

import torch
from transformers import PreTrainedModel

# Layer index in the grown model -> layer index in the small one. All other layers start as identities.
COPIED_LAYERS = {"moe": {0: 0, 2: 1}, "large": {0: 0, 3: 1}}


@torch.no_grad()
def grow(model: PreTrainedModel, small: PreTrainedModel, name: str) -> None:
    """Overwrite the random weights of `model` ("moe" or "large") in place."""
    model.model.embed_tokens.load_state_dict(small.model.embed_tokens.state_dict())
    model.model.norm.load_state_dict(small.model.norm.state_dict())
    model.lm_head.load_state_dict(small.lm_head.state_dict())
    for index, layer in enumerate(model.model.layers):
        source = COPIED_LAYERS[name].get(index)
        if source is None:
            _make_identity(layer)
        else:
            copy_layer(layer, small.model.layers[source])


def _make_identity(layer: torch.nn.Module) -> None:
    layer.self_attn.o_proj.weight.zero_()
    _down_projection(layer).zero_()


def _down_projection(layer: torch.nn.Module) -> torch.Tensor:
    """The down projection: [hidden, intermediate], or [experts, hidden, intermediate]."""
    return layer.mlp.experts.down_proj if hasattr(layer.mlp, "experts") else layer.mlp.down_proj.weight


def copy_layer(layer: torch.nn.Module, source: torch.nn.Module) -> None:
    """Copy a dense layer; if the target has experts, each becomes a copy of the dense block."""
    for part in ("self_attn", "input_layernorm", "post_attention_layernorm"):
        getattr(layer, part).load_state_dict(getattr(source, part).state_dict())
    gate, up, down = (getattr(source.mlp, f"{part}_proj").weight for part in ("gate", "up", "down"))
    if hasattr(layer.mlp, "experts"):
        # The copies diverge as soon as the router sends them different tokens.
        layer.mlp.experts.gate_up_proj.copy_(torch.cat([gate, up]).expand_as(layer.mlp.experts.gate_up_proj))
        layer.mlp.experts.down_proj.copy_(down.expand_as(layer.mlp.experts.down_proj))
        return
    width = gate.shape[0]
    layer.mlp.gate_proj.weight[:width] = gate
    layer.mlp.up_proj.weight[:width] = up
    layer.mlp.down_proj.weight.zero_()
    layer.mlp.down_proj.weight[:, :width] = down
