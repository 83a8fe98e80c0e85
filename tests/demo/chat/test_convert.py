"""A GGUF becomes a folder with the same weights and the same tokens; a GGUF of another model is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer

from demo.architectures import MODELS_FOLDER
from demo.chat.build import MODELS_FOLDER as CHAT_FOLDER
from demo.chat.convert import OtherModel, convert, read_tensors
from demo.gguf import write_gguf

LARGE = MODELS_FOLDER / "large"  # a Llama


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("gguf") / "large.gguf"
    write_gguf(LARGE, file)
    return file


def folder_for(tmp_path: Path, **changes: object) -> Path:
    config = json.loads((LARGE / "config.json").read_text()) | changes
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_weights_and_tokens_survive_the_way_through_a_gguf(gguf_file: Path, tmp_path: Path) -> None:
    folder = folder_for(tmp_path)
    convert(gguf_file, folder)
    before, after = (load_file(where / "model.safetensors") for where in (LARGE, folder))
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]), name
    ours, theirs = (AutoTokenizer.from_pretrained(where) for where in (LARGE, folder))
    chat = [{"role": "user", "content": "What is 17 + 25?\n\nReply in  words, élan."}]
    ids = [each.apply_chat_template(chat, add_generation_prompt=True, return_dict=False) for each in (ours, theirs)]
    assert ids[0] == ids[1]
    assert theirs.eos_token == ours.eos_token


def test_a_shared_matrix_is_the_copy_with_more_bits(gguf_file: Path, tmp_path: Path) -> None:
    config = AutoConfig.from_pretrained(folder_for(tmp_path, tie_word_embeddings=True))
    tensors = read_tensors(gguf_file, config)
    assert "lm_head.weight" not in tensors
    assert torch.equal(tensors["model.embed_tokens.weight"], load_file(LARGE / "model.safetensors")["lm_head.weight"])


@pytest.mark.parametrize(
    ("changes", "named"), [({"num_hidden_layers": 7}, "model.layers.6."), ({"intermediate_size": 512}, "has shape")]
)
def test_a_gguf_of_another_model_is_refused(
    changes: dict[str, int], named: str, gguf_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(OtherModel, match=named):
        convert(gguf_file, folder_for(tmp_path, **changes))
    assert not (tmp_path / "model.safetensors").exists()


def test_the_mixture_has_the_sizes_of_the_small_model() -> None:
    small, moe = (json.loads((CHAT_FOLDER / name / "config.json").read_text()) for name in ("small", "moe"))
    same = small.keys() - {"architectures", "model_type"}
    assert {name: small[name] for name in same} == {name: moe[name] for name in same}


def test_rows_are_reordered_for_a_llama_only(gguf_file: Path, tmp_path: Path) -> None:
    shutil.copy(LARGE / "config.json", tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    config.model_type = "qwen2"  # llama.cpp keeps the order of its rows
    name = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(read_tensors(gguf_file, config)[name], load_file(LARGE / "model.safetensors")[name])
