"""Facts are fetched from a hub that speaks the real API over loopback."""

from __future__ import annotations

import json

import hub as stub
import pytest
from huggingface_hub import constants

from cluster.facts import UnknownModel, facts_of
from cluster.loading import PROJECT_ROOT
from deployments.hub import MOST_BYTES, facts_online

QWEN = json.loads((PROJECT_ROOT / "cluster" / "models" / "Qwen--Qwen3-8B.json").read_text())
GATED = "vendor/gated"
FILES = {
    "vendor/many-parts/config.json": QWEN,
    "vendor/many-parts/model.safetensors.index.json": {"metadata": {"total_size": 16_381_470_720}, "weight_map": {}},
    "vendor/awq/config.json": QWEN | {"quantization_config": {"quant_method": "awq", "bits": 4}},
    "vendor/awq/model.safetensors.index.json": {"metadata": {"total_size": 6_100_000_000}},
    "vendor/new/config.json": QWEN | {"architectures": ["NewForCausalLM"]},
    "vendor/new/model.safetensors.index.json": {"metadata": {"total_size": 20_000_000_000}},
    "vendor/pickled/config.json": QWEN,
    "vendor/tokenizer-only/tokenizer.json": {},
    "vendor/broken/config.json": {},
    "vendor/no-size/config.json": QWEN,
    "vendor/no-size/model.safetensors.index.json": {"weight_map": {}},
    "vendor/list/config.json": [1],
    f"{GATED}/config.json": QWEN,
}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with stub.serving(FILES, gated=(GATED,)) as serving:
        monkeypatch.setenv("HF_ENDPOINT", serving.url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield serving


def test_a_model_of_the_hub_is_counted_like_a_shipped_one(hub):
    assert facts_online("vendor/many-parts") == facts_of("Qwen/Qwen3-8B")


def test_nothing_but_the_config_and_the_index_is_downloaded(hub):
    facts_online("vendor/many-parts")
    got = [path.rpartition("/")[2] for method, path in hub.asked if method == "GET" and "/resolve/" in path]
    assert got == ["config.json", "model.safetensors.index.json"]


def test_what_ships_is_not_asked_for(hub):
    facts_online("Qwen/Qwen3-8B")
    assert not any("/resolve/" in path for _, path in hub.asked)


def test_the_index_says_how_wide_a_quantised_checkpoint_is(hub):
    facts = facts_online("vendor/awq")
    assert (facts.quantised, facts.checkpoint_bytes) == ("awq", 6_100_000_000)
    assert facts.parameters == facts_of("Qwen/Qwen3-8B").parameters


def test_the_index_counts_an_architecture_that_is_new_here(hub):
    facts = facts_online("vendor/new")
    assert facts.is_counted
    assert facts.parameters == 10_000_000_000


def test_a_checkpoint_without_safetensors_is_counted_from_its_config(hub):
    assert facts_online("vendor/pickled").parameters == facts_of("Qwen/Qwen3-8B").parameters


def test_a_token_opens_a_gated_model(hub, monkeypatch):
    with pytest.raises(UnknownModel, match=r"is gated: accept its licence on .*/vendor/gated, and set HF_TOKEN"):
        facts_online(GATED)
    monkeypatch.setenv("HF_TOKEN", stub.TOKEN)
    assert facts_online(GATED).layers == 36


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("vendor/nothing", "has no model 'vendor/nothing': check the id, or set HF_TOKEN if it is private"),
        ("vendor/tokenizer-only", "has no config.json on"),
        ("vendor/broken", "lacks hidden_size, which every decoder has"),
        ("vendor/no-size", "has no total_size: download the model and use its folder"),
        ("vendor/list", "is not a JSON object"),
        ("a/b/c", "neither a folder here nor a hub id: use ORGANISATION/NAME"),
    ],
)
def test_what_the_hub_lacks_is_said_with_what_to_do(hub, model, said):
    with pytest.raises(UnknownModel) as error:
        facts_online(model)
    assert said in str(error.value)
    assert "Error" not in str(error.value)


def test_a_file_that_is_too_large_is_not_downloaded(hub):
    hub.claimed_bytes = MOST_BYTES + 1
    with pytest.raises(UnknownModel, match="more than 33554432 are not read"):
        facts_online("vendor/many-parts")
    assert [method for method, path in hub.asked if "/resolve/" in path] == ["HEAD"]


def test_the_cache_answers_when_the_hub_cannot_be_reached(hub):
    first = facts_online("vendor/many-parts")
    hub.shutdown()
    hub.server_close()
    assert facts_online("vendor/many-parts") == first
    with pytest.raises(UnknownModel, match="cannot be reached for 'vendor/awq': check the network or HF_ENDPOINT"):
        facts_online("vendor/awq")


def test_offline_mode_is_named(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UnknownModel, match="HF_HUB_OFFLINE is set: unset it"):
        facts_online("vendor/many-parts")
