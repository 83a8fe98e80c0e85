"""A model grown out of the small one starts with exactly the small one's answers."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from demo.architectures import MODELS_FOLDER, build_model
from demo.growth import grow
from demo.tokenizer import VOCAB_SIZE


@pytest.mark.parametrize("name", ["moe", "large"])
def test_grown_model_computes_what_the_small_one_does(name: str) -> None:
    small = AutoModelForCausalLM.from_pretrained(MODELS_FOLDER / "small", dtype=torch.float32).eval()
    grown = build_model(name).eval()
    grow(grown, small, name)
    ids = torch.arange(6, VOCAB_SIZE).reshape(11, -1)
    with torch.inference_mode():
        torch.testing.assert_close(grown(ids).logits, small(ids).logits, atol=1e-3, rtol=1e-3)
