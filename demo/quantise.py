"""`python -m demo.quantise METHOD MODEL_FOLDER TARGET_FOLDER`: writes a demo model as AWQ, GPTQ or int8 checkpoint.

It serves tests and trials of quantised pools; real models should be quantised with their makers' tools. Calibration
uses demo tasks in seen wordings.

Methods: `gptq` is Frantar et al. 2023 (arXiv 2210.17323). `awq` is Lin et al. 2024 (arXiv 2306.00978), applied to
matrices that follow a norm. Both use 4 bits in groups of 128 inputs. `int8` rounds weights per output and activations
per token (W8A8 in the format of compressed-tensors).
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from demo.tasks import generate_tasks
from demo.tokenizer import load_tokenizer

BITS, GROUP = 4, 128
LEVELS_4BIT = 2**BITS - 1
CALIBRATION_TASKS = 96
CALIBRATION_SEED = 77
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
"""The output at each nibble of an int32 in AWQ's format."""
DAMPING = 0.01
"""Share of the Hessian's mean diagonal that is added to the diagonal, as in the GPTQ paper."""


def quantise(method: str, folder: Path, target: Path) -> None:
    """Write a quantised copy of a Llama-like model folder."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = calibration_inputs(model, folder)
    if method == "awq":
        scale_for_awq(model, inputs)
    tensors = {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()}
    for name, module in linears(model).items():
        del tensors[f"{name}.weight"]
        pack = {"awq": awq_tensors, "gptq": gptq_tensors, "int8": int8_tensors}[method]
        parts = pack(module.weight.data, inputs[name])
        tensors |= {f"{name}.{part}": value.contiguous() for part, value in parts.items()}
    target.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.json"):
        shutil.copy(file, target)
    config = json.loads((folder / "config.json").read_text()) | {"quantization_config": CONFIGS[method]}
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})


def linears(model: nn.Module) -> dict[str, nn.Linear]:
    """The matrices inside the layers. The output matrix is not quantised."""
    matrices = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    return {name: module for name, module in matrices.items() if "lm_head" not in name}


@torch.inference_mode()
def calibration_inputs(model: nn.Module, folder: Path) -> dict[str, Tensor]:
    """Inputs [tokens, in] of each matrix in demo conversations."""
    tokenizer, seen = load_tokenizer(folder), {name: [] for name in linears(model)}
    hooks = [
        module.register_forward_hook(lambda _, given, __, name=name: seen[name].append(given[0].flatten(0, -2)))
        for name, module in linears(model).items()
    ]
    for task in generate_tasks(CALIBRATION_TASKS, seed=CALIBRATION_SEED):
        chat = [{"role": "user", "content": task.prompt}, {"role": "assistant", "content": task.response}]
        ids = tokenizer.apply_chat_template(chat, return_dict=False)
        model(torch.tensor([ids]))
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(parts).clone() for name, parts in seen.items()}


# -- rounding ----------------------------------------------------------------------------------------------------------


def round_groups(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weights [out, in] as integers 0..15, with scale and zero point [out, groups] per group of inputs."""
    groups = weight.unflatten(1, (-1, GROUP))
    low, high = groups.amin(2).clamp(max=0), groups.amax(2).clamp(min=0)
    scale = ((high - low) / LEVELS_4BIT).clamp(min=1e-8)
    zero = (-low / scale).round()
    whole = (groups / scale[..., None] + zero[..., None]).round().clamp(0, LEVELS_4BIT)
    return whole.flatten(1), scale, zero


def rounded(weight: Tensor) -> Tensor:
    """The weights after quantising and dequantising."""
    whole, scale, zero = round_groups(weight)
    return ((whole.unflatten(1, (-1, GROUP)) - zero[..., None]) * scale[..., None]).flatten(1)


def scale_for_awq(model: nn.Module, inputs: dict[str, Tensor]) -> None:
    """Scale up columns with large activations before rounding: divide the norm's outputs, multiply the columns.

    The scale is a power of the mean activation; the exponent with the smallest output error is used.
    """
    for index, layer in enumerate(model.model.layers):
        attention, mlp = layer.self_attn, layer.mlp
        readers = {
            layer.input_layernorm: {"self_attn.q_proj": attention.q_proj, "self_attn.k_proj": attention.k_proj,
                                    "self_attn.v_proj": attention.v_proj},
            layer.post_attention_layernorm: {"mlp.gate_proj": mlp.gate_proj, "mlp.up_proj": mlp.up_proj},
        }  # fmt: skip
        for norm, modules in readers.items():
            given = inputs[f"model.layers.{index}.{next(iter(modules))}"]
            weight = torch.cat([module.weight.data for module in modules.values()])
            scale = best_scale(weight, given)
            norm.weight.data /= scale
            for name, module in modules.items():
                module.weight.data *= scale
                inputs[f"model.layers.{index}.{name}"] = given / scale


def best_scale(weight: Tensor, given: Tensor) -> Tensor:
    """The best scale per input channel, from a grid of exponents."""
    size, wanted = given.abs().mean(0).clamp(min=1e-4), given @ weight.T
    candidates = [scale / (scale.max() * scale.min()).sqrt() for scale in (size ** (step / 10) for step in range(11))]
    errors = [((given / scale) @ rounded(weight * scale).T - wanted).square().mean() for scale in candidates]
    return candidates[int(torch.stack(errors).argmin())]


def round_by_gptq(weight: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
    """Integers 0..15 around 8, with scales [out, groups]. Later columns compensate each column's rounding error."""
    hessian = given.T @ given
    hessian += DAMPING * hessian.diagonal().mean() * torch.eye(len(hessian))
    inverse = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(hessian)), upper=True)
    left, whole, scales = weight.clone(), torch.zeros_like(weight), []
    for column in range(weight.shape[1]):
        if column % GROUP == 0:
            scales.append((left[:, column : column + GROUP].abs().amax(1) / (LEVELS_4BIT / 2)).clamp(min=1e-8))
        values = (left[:, column] / scales[-1]).round().clamp(-8, 7)
        whole[:, column] = values + 8
        error = (left[:, column] - values * scales[-1]) / inverse[column, column]
        left[:, column:] -= error[:, None] * inverse[column, column:]
    return whole, torch.stack(scales, 1)


# -- checkpoint formats --------------------------------------------------------------------------------------------


def packed(whole: Tensor, order: tuple[int, ...] = tuple(range(8))) -> Tensor:
    """Pack eight neighbours of the last dimension into one int32."""
    nibbles = whole.to(torch.int64).unflatten(-1, (-1, 8))
    joined = sum(nibbles[..., place] << (4 * position) for position, place in enumerate(order))
    return torch.where(joined >= 2**31, joined - 2**32, joined).to(torch.int32)


def awq_tensors(weight: Tensor, given: Tensor) -> dict[str, Tensor]:
    """AutoAWQ's layout: inputs x outputs, packed along the outputs."""
    whole, scale, zero = round_groups(weight)
    return {
        "qweight": packed(whole.T, AWQ_ORDER),
        "qzeros": packed(zero.T, AWQ_ORDER),
        "scales": scale.T.to(torch.float16),
    }


def gptq_tensors(weight: Tensor, given: Tensor) -> dict[str, Tensor]:
    """AutoGPTQ's layout: packed along the inputs, with zero points stored minus one."""
    whole, scale = round_by_gptq(weight, given)
    return {
        "qweight": packed(whole).T,
        "qzeros": packed(torch.full_like(scale.T, 7)),
        "scales": scale.T.to(torch.float16),
        "g_idx": torch.arange(weight.shape[1], dtype=torch.int32) // GROUP,
    }


def int8_tensors(weight: Tensor, given: Tensor) -> dict[str, Tensor]:
    """compressed-tensors' `int-quantized` layout: int8 weights with a scale per output."""
    scale = weight.abs().amax(1, keepdim=True) / 127
    return {"weight": (weight / scale).round().to(torch.int8), "weight_scale": scale}


INT8_GROUP = {
    "targets": ["Linear"],
    "weights": {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel", "dynamic": False},
    "input_activations": {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True},
}
CONFIGS: dict[str, dict] = {
    "awq": {"quant_method": "awq", "bits": BITS, "group_size": GROUP, "zero_point": True, "version": "gemm"},
    "gptq": {"quant_method": "gptq", "bits": BITS, "group_size": GROUP, "desc_act": False, "sym": True,
             "lm_head": False},
    "int8": {"quant_method": "compressed-tensors", "format": "int-quantized", "quantization_status": "compressed",
             "ignore": ["lm_head"], "config_groups": {"group_0": INT8_GROUP}},
}  # fmt: skip
METHODS: tuple[str, ...] = tuple(CONFIGS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    quantise(arguments.method, arguments.folder, arguments.target)


if __name__ == "__main__":
    main()
