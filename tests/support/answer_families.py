"""Run by test_families: makes a tiny random checkpoint of each family, asks vLLM for 8 tokens, prints JSON results."""

from __future__ import annotations

import json
import sys
import tempfile

import offline_vllm  # noqa: F401
import transformers as tf
from vllm import LLM, SamplingParams

DENSE = {
    "vocab_size": 512,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
# Latent attention: vLLM's kernel takes the real models' latent and head sizes only.
MLA = DENSE | {
    "num_key_value_heads": 4,
    "kv_lora_rank": 512,
    "q_lora_rank": None,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 128,
    "first_k_dense_replace": 1,
    "n_group": 1,
    "topk_group": 1,
}
# vLLM makes the correction bias that transformers saves only where the config names this method.
MLA_V3 = MLA | {"q_lora_rank": 64, "topk_method": "noaux_tc"}
MOE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 128, "head_dim": 32}
FAMILIES = {
    "mistral": lambda: tf.MistralForCausalLM(tf.MistralConfig(**DENSE, sliding_window=64)),
    "mixtral": lambda: tf.MixtralForCausalLM(tf.MixtralConfig(**DENSE, num_local_experts=4)),
    "llama": lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**DENSE)),
    "qwen2": lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(**DENSE)),
    "qwen3": lambda: tf.Qwen3ForCausalLM(tf.Qwen3Config(**DENSE, head_dim=32)),
    "qwen3_moe": lambda: tf.Qwen3MoeForCausalLM(tf.Qwen3MoeConfig(**DENSE, **MOE)),
    "deepseek_v2": lambda: tf.DeepseekV2ForCausalLM(tf.DeepseekV2Config(**MLA)),
    "deepseek_v3": lambda: tf.DeepseekV3ForCausalLM(tf.DeepseekV3Config(**MLA_V3)),
}
# vLLM's CPU kernel behind latent attention takes no fp32 weights.
DTYPES = {"deepseek_v2": "bfloat16", "deepseek_v3": "bfloat16"}
REFUSED = "deepseek_v2 in float32"


def answer(name: str, dtype: str) -> dict[str, object]:
    """Tokens of one family's checkpoint, or the text of its refusal."""
    with tempfile.TemporaryDirectory() as folder:
        FAMILIES[name]().save_pretrained(folder)
        try:
            llm = LLM(
                model=folder,
                skip_tokenizer_init=True,
                dtype=dtype,
                enforce_eager=True,
                kv_cache_memory_bytes=32 << 20,
                block_size=32,
                max_model_len=128,
                distributed_executor_backend="uni",
            )
            sampling = SamplingParams(max_tokens=8, temperature=0, ignore_eos=True, detokenize=False)
            (output,) = llm.generate({"prompt_token_ids": [5, 6, 7]}, sampling, use_tqdm=False)
            return {"tokens": len(output.outputs[0].token_ids)}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    answers = {name: answer(name, DTYPES.get(name, "float32")) for name in sys.argv[1:] or FAMILIES}
    answers[REFUSED] = answer("deepseek_v2", "float32")
    print("RESULTS " + json.dumps(answers))
