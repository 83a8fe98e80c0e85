"""The three demo models: real architectures in tiny sizes that still split over two ranks."""

from pathlib import Path

from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
)

from demo.tokenizer import CONTEXT_TOKENS, VOCAB_SIZE

MODELS_FOLDER = Path(__file__).parent / "models"
MODEL_NAMES = ("small", "moe", "large")

# Head size 32 is the smallest that vLLM supports on CPU. For tensor parallelism, head counts and hidden sizes divide
# by two and leave multiples of 128 per rank, which quantised and fused kernels need.
_COMMON = {
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 256,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "max_position_embeddings": CONTEXT_TOKENS,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
}


def build_model(name: str) -> PreTrainedModel:
    """A new model with random fp32 weights: 1.1 M (small), 5.6 M (moe) or 5.0 M (large) parameters."""
    if name == "small":
        # The window is far shorter than the context, so that prompts exceed it and sliding-window attention is tested.
        config = MistralConfig(num_hidden_layers=2, intermediate_size=256, sliding_window=256, **_COMMON)
        return MistralForCausalLM(config)
    if name == "moe":
        config = MixtralConfig(
            num_hidden_layers=3,
            intermediate_size=256,
            num_local_experts=8,
            num_experts_per_tok=2,
            router_aux_loss_coef=0.02,
            **_COMMON,
        )
        return MixtralForCausalLM(config)
    if name == "large":
        return LlamaForCausalLM(LlamaConfig(num_hidden_layers=6, intermediate_size=768, **_COMMON))
    raise ValueError(f"unknown model {name!r}, use one of {', '.join(MODEL_NAMES)}")
