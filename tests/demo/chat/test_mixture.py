"""The mixture answers like the model that it is made of, although its experts differ."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MixtralConfig, PreTrainedModel

from demo.chat import mixture

SIZES = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "tie_word_embeddings": True,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
}
TOKENS = torch.arange(96).reshape(8, 12)


def dense_and_mixture() -> tuple[PreTrainedModel, PreTrainedModel]:
    torch.manual_seed(1)
    dense = LlamaForCausalLM(LlamaConfig(**SIZES)).eval()
    config = MixtralConfig(num_local_experts=4, num_experts_per_tok=2, **SIZES)
    return dense, mixture.mixed(dense, config).eval()


@torch.inference_mode()
def test_without_noise_it_computes_what_the_dense_model_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "NOISE", 0.0)
    dense, mixed = dense_and_mixture()
    torch.testing.assert_close(mixed(TOKENS).logits, dense(TOKENS).logits, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_noise_tells_the_experts_apart_and_tokens_use_all_of_them() -> None:
    dense, mixed = dense_and_mixture()
    experts = mixed.model.layers[0].mlp.experts.down_proj
    assert not torch.equal(experts[0], experts[1])
    logits, wanted = (model(TOKENS).logits for model in (mixed, dense))
    assert (logits.argmax(-1) == wanted.argmax(-1)).float().mean() > 0.9
    routed = mixed.model.layers[0].mlp.gate(dense.model.embed_tokens(TOKENS).flatten(0, 1))
    chosen = next(part for part in (routed if isinstance(routed, tuple) else (routed,)) if part.dtype.is_floating_point)
    assert set(chosen.topk(2, dim=-1).indices.flatten().tolist()) == {0, 1, 2, 3}
