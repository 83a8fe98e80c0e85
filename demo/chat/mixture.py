"""Makes a Mixtral out of a Llama: each expert is the Llama's feed-forward block with a little noise.

The copies follow "sparse upcycling" (Komatsuzaki et al. 2022, arXiv 2212.05055), but nothing is trained afterwards. So
the result answers like the Llama, and no better. It exists so that a laptop serves experts that talk.
"""

import shutil
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from demo.growth import copy_layer

NOISE = 0.02
"""Standard deviation of the noise, as a share of a matrix's own standard deviation."""
SEED = 0


def mix(dense: Path, folder: Path) -> None:
    """Write weights and tokenizer next to the config.json in `folder`.

    Args:
        dense: folder of a Llama with the same sizes.
    """
    model = mixed(AutoModelForCausalLM.from_pretrained(dense), AutoConfig.from_pretrained(folder))
    written = (folder / "config.json").read_bytes()
    model.save_pretrained(folder)
    (folder / "config.json").write_bytes(written)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(dense / file, folder)


@torch.no_grad()
def mixed(dense: PreTrainedModel, config: AutoConfig) -> PreTrainedModel:
    """A Mixtral with the dense model's blocks as experts. Tokens are spread by a random router."""
    random = torch.Generator().manual_seed(SEED)
    model = AutoModelForCausalLM.from_config(config, dtype=dense.dtype)
    model.model.embed_tokens.load_state_dict(dense.model.embed_tokens.state_dict())
    model.model.norm.load_state_dict(dense.model.norm.state_dict())
    for layer, source in zip(model.model.layers, dense.model.layers, strict=True):
        copy_layer(layer, source)
        for matrix in (layer.mlp.experts.gate_up_proj, layer.mlp.experts.down_proj):
            noise = torch.randn(matrix.shape, generator=random) * (NOISE * matrix.float().std())
            matrix.add_(noise.to(matrix.dtype))
        router = layer.mlp.gate.weight
        router.copy_(torch.randn(router.shape, generator=random) / router.shape[1] ** 0.5)
    return model
