"""A fleet's ladder: from its models, overridden by the spec, never descending."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_models import fleet

from cluster.pool import TIERS
from router.difficulty.ladder import LADDER
from router.difficulty.steps import AT_ZERO, PER_MEAN, steps
from router.loading import load_ladder, load_quality
from router.types import RoutingRequest

MISTRAL, LLAMA_8B = "mistralai/Mistral-7B-Instruct-v0.3", "meta-llama/Meta-Llama-3-8B-Instruct"
MIXTRAL, LLAMA_70B = "mistralai/Mixtral-8x7B-Instruct-v0.1", "meta-llama/Meta-Llama-3-70B-Instruct"
ANCHORS = {MISTRAL: "small", LLAMA_8B: "small", MIXTRAL: "moe", LLAMA_70B: "large"}
TABLE = {"weak": 0.2, "middling": 0.5, "strong": 0.8}


def difficulties(spec, means=TABLE):
    return {tier: step.difficulty for tier, step in steps(spec, means).items()}


@pytest.mark.parametrize("model", ANCHORS)
def test_typical_models_keep_about_the_default(model):
    tier = ANCHORS[model]
    step = load_ladder(fleet({tier: (model,)}))[tier]
    assert step.difficulty == pytest.approx(LADDER[tier], abs=0.03)
    assert step.origin.startswith("MMLU-Pro ")


def test_the_line_is_the_least_squares_fit_to_the_typical_models():
    means = [
        (load_ladder(fleet({tier: (model,)}))[tier].difficulty - AT_ZERO) / PER_MEAN for model, tier in ANCHORS.items()
    ]
    slope, offset = np.polyfit(means, [LADDER[tier] for tier in ANCHORS.values()], 1)
    assert (slope, offset) == (pytest.approx(PER_MEAN, abs=5e-4), pytest.approx(AT_ZERO, abs=5e-4))


def test_unknown_models_keep_the_default():
    assert difficulties(fleet()) == LADDER
    assert {step.origin for step in steps(fleet(), TABLE).values()} == {"default"}


def test_the_weakest_pool_of_a_tier_counts():
    both, weak = (fleet({"small": names}) for names in (("strong", "weak"), ("weak",)))
    assert difficulties(both)["small"] == difficulties(weak)["small"] < LADDER["small"]


def test_a_tier_with_an_unknown_model_keeps_the_default():
    assert difficulties(fleet({"small": ("weak", "org/other")}))["small"] == LADDER["small"]


def test_a_served_name_names_the_model_of_a_folder():
    spec = fleet({"small": ("models/7",)})
    pool = next(iter(spec.pools.values())).model_copy(update={"served_name": "weak"})
    named = spec.model_copy(update={"pools": {"p": pool}})
    assert difficulties(named)["small"] < LADDER["small"]


def test_a_higher_tier_is_never_below_a_lower_one():
    spec = fleet({"small": ("strong",), "moe": ("weak",), "large": ("org/unknown",)})
    found = steps(spec, TABLE)
    assert found["moe"].difficulty == found["large"].difficulty == found["small"].difficulty
    assert found["moe"].origin == "as the tier below"


def test_the_spec_overrides_single_tiers():
    found = steps(fleet({"small": ("weak",), "large": ("strong",)}, ladder={"large": 0.3}), TABLE)
    assert (found["large"].difficulty, found["large"].origin) == (0.3, "routing.ladder")
    assert found["small"].origin == "MMLU-Pro 20%"


def test_a_tier_that_the_fleet_lacks_raises_no_other():
    weak_alone = difficulties(fleet({"large": ("weak",)}))
    assert weak_alone["large"] < LADDER["small"]


@given(st.dictionaries(st.sampled_from([*TABLE, "org/unknown"]), st.sampled_from(TIERS), min_size=1))
def test_any_fleet_has_a_ladder_within_what_a_spec_may_say(tiers):
    models = {tier: tuple(name for name in tiers if tiers[name] == tier) for tier in set(tiers.values())}
    spec = fleet(models)
    found = difficulties(spec)
    ascending = [found[tier] for tier in TIERS if tier in models]
    assert ascending == sorted(ascending)
    assert fleet(models, ladder=found).routing.ladder == found


def test_decisions_use_the_ladder_of_the_fleet():
    request = RoutingRequest("Prove that there are infinitely many primes congruent to 3 modulo 4.")
    usual, strong = (
        load_quality(fleet({"small": (name,)})) for name in ("org/unknown", "Qwen/Qwen2.5-72B-Instruct-AWQ")
    )
    assert strong.predict(request).quality["small"] > usual.predict(request).quality["small"] + 0.1
