"""Converts a GGUF into a model folder that every engine loads: safetensors, tokenizer and chat template."""

from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, ReaderTensor, dequantize
from rich.progress import track
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedTokenizerFast

from demo.chat.sources import ModelError
from demo.gguf import LAYER_NAMES, OUTER_NAMES

LAYER_PARTS = {short: name for name, short in LAYER_NAMES.items()}
OUTER_PARTS = {short: name for name, short in OUTER_NAMES.items()}


class OtherModel(ModelError):
    """The tensors of a GGUF are not those that the config.json describes."""


def convert(gguf_file: Path, folder: Path) -> None:
    """Write weights and tokenizer next to the config.json in `folder`. Weights get the config's dtype.

    Raises:
        OtherModel: a tensor is missing, unexpected or has another shape.
    """
    config = AutoConfig.from_pretrained(folder)
    tensors = read_tensors(gguf_file, config)
    _check(tensors, config)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    PreTrainedTokenizerFast.from_pretrained(gguf_file.parent, gguf_file=gguf_file.name).save_pretrained(folder)


def read_tensors(gguf_file: Path, config: PreTrainedConfig) -> dict[str, Tensor]:
    """The weights, dequantised, under the names of transformers."""
    reader = GGUFReader(gguf_file)
    described = f"dequantising {len(reader.tensors)} tensors"
    tensors = {hf_name(each.name): _weights(each, config) for each in track(reader.tensors, described)}
    if config.tie_word_embeddings:
        # Some files store the shared matrix twice. The copy for the output has more bits.
        output = tensors.pop("lm_head.weight", None)
        tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"] if output is None else output
    return tensors


def hf_name(name: str) -> str:
    """`blk.3.attn_q.weight` is `model.layers.3.self_attn.q_proj.weight`."""
    stem, end = name.rsplit(".", 1)
    if stem in OUTER_PARTS:
        return f"{OUTER_PARTS[stem]}.{end}"
    _, layer, part = stem.split(".", 2)
    return f"model.layers.{layer}.{LAYER_PARTS[part]}.{end}"


def _weights(tensor: ReaderTensor, config: PreTrainedConfig) -> Tensor:
    data = dequantize(tensor.data, tensor.tensor_type)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    part = tensor.name.split(".")[-2]
    if config.model_type == "llama" and part in heads:
        data = _halved(data, heads[part])
    return torch.from_numpy(np.array(data)).to(config.dtype)


def _halved(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a projection in the order of transformers, whose rotary embedding rotates halves, not neighbours."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _check(tensors: dict[str, Tensor], config: PreTrainedConfig) -> None:
    with torch.device("meta"):
        expected = AutoModelForCausalLM.from_config(config).state_dict()
    if config.tie_word_embeddings:
        del expected["lm_head.weight"]
    for name in sorted(expected.keys() | tensors.keys()):
        there, wanted = (found[name].shape if name in found else None for found in (tensors, expected))
        if there != wanted:
            raise OtherModel(f"{name} has shape {there} in the GGUF, use a config.json that describes it, not {wanted}")
