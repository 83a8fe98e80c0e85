"""The table of benchmark means: every row is sourced, and names match their model and no other."""

from __future__ import annotations

import csv
import re
from collections import Counter
from importlib.resources import files

import pytest

from router.difficulty.benchmarks import plain_name, read_means
from router.loading import BENCHMARKS

LINES = (files("router") / BENCHMARKS).read_text().splitlines()
ROWS = list(csv.DictReader(LINES))
MEANS = read_means(LINES)
GUESSING = 0.1
"""Accuracy of guesses among ten choices."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["model"])
def test_every_row_has_a_hub_id_a_mean_in_percent_and_a_source(row):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", row["model"])
    assert 100 * GUESSING < float(row["mmlu_pro"]) < 95
    assert row["run_by"] in {"authors", "vendor", "other"}
    assert row["source"].startswith("https://")


def test_no_model_is_in_the_table_twice():
    assert [name for name, count in Counter(plain_name(row["model"]) for row in ROWS).items() if count > 1] == []


@pytest.mark.parametrize(("smaller", "bigger"), [("0.5B", "3B"), ("3B", "7B"), ("7B", "14B"), ("14B", "72B")])
def test_bigger_models_of_a_family_are_better(smaller, bigger):
    assert MEANS[plain_name(f"Qwen2.5-{smaller}-Instruct")] < MEANS[plain_name(f"Qwen2.5-{bigger}-Instruct")]


SAME = {
    "meta-llama/Meta-Llama-3-8B-Instruct": 0.4098,
    "casperhansen/llama-3-8b-instruct-awq": 0.4098,
    "/models/Meta-Llama-3-8B-Instruct/": 0.4098,
    "RedHatAI/Meta-Llama-3-8B-Instruct-FP8": 0.4098,
    "meta-llama/Meta-Llama-3.1-8B-Instruct": 0.442,
    "hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4": 0.442,
    "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16": 0.442,
    "unsloth/Llama-3.1-8B-Instruct-unsloth-bnb-4bit": 0.442,
    "amd/Llama-3.1-8B-Instruct-FP8-KV": 0.442,
    "RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic": 0.689,
    "TheBloke/Mixtral-8x7B-Instruct-v0.1-GPTQ": 0.433,
    "Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4": 0.563,
    "Qwen2.5-7B-Instruct.Q4_K_M": 0.563,
    "Qwen2.5-7B-Instruct-Q8_0-GGUF": 0.563,
    "Qwen/Qwen3-30B-A3B-FP8": 0.691,
    "QWEN/qwen3_30b_a3b": 0.691,
    "openai/gpt-oss-20b": 0.748,
}


@pytest.mark.parametrize("name", SAME)
def test_names_of_a_model_in_the_table(name):
    assert MEANS.get(plain_name(name)) == pytest.approx(SAME[name])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "awq",
        "org/small",
        "demo/models/large",
        "meta-llama/Meta-Llama-3-8B",  # the base model
        "gradientai/Llama-3-8B-Instruct-262k",
        "NousResearch/Hermes-3-Llama-3.1-8B",
        "nvidia/Llama-3.1-Nemotron-70B-Instruct",
        "mlabonne/Meta-Llama-3.1-8B-Instruct-abliterated",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
        "deepseek-ai/DeepSeek-V3-Base",
        "Qwen/Qwen2.5-Coder-7B-Instruct",
        "Qwen/Qwen2.5-7B-Instruct-1M",
        "Qwen/Qwen2.5-VL-7B-Instruct",
        "Qwen/Qwen3-30B",
        "org/Qwen2.5-7B-Instruct-2bit",
        "org/Qwen2.5-7B-Instruct-Q2_K",
    ],
)
def test_names_of_other_models(name):
    assert plain_name(name) not in MEANS
