"""The rule: bounded, rising with steps, and right on the demo tasks it was written for."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.routing import RoutingSpec
from demo.tasks import generate_tasks
from router.complexity import RuleComplexity
from router.decide import Router
from router.features import features
from router.types import RoutingRequest


def score(text, **request):
    return RuleComplexity().score(features(RoutingRequest(text, **request)))[0]


def ruled() -> Router:
    """The laptop fleet's prices, decided by rules that cost little beside quality."""
    priced = load_spec(PROJECT_ROOT / "examples" / "laptop.yaml")
    return Router(priced.model_copy(update={"routing": RoutingSpec(cost_weight=0.1)}))


@given(text=st.text(max_size=2_000), turns=st.integers(1, 1_000))
def test_the_score_is_a_fraction(text, turns):
    assert 0 <= score(text, turns=turns) <= 1


@pytest.mark.parametrize(
    ("simpler", "harder"),
    [
        ("What is 7 + 5?", "What is 7 + 5 - 3?"),
        ("What is 7 + 5 - 3?", "What is 7 + 5 - 3 + 9 - 1?"),
        ("Sort 4, 2, 9", "Sort 4, 2, 9, 7, 1, 8, 3, 5"),
        ("What is the capital of France?", "Explain why the capital of France moved, and compare it with Spain."),
        ("Say hello", "Write a Python function.\n```python\ndef parse(x):\n```\nDebug it and explain the trade-offs."),
        ("Wer ist das?", "Erkläre, warum das so ist, und danach jede Ausnahme."),
    ],
)
def test_more_to_do_scores_higher(simpler, harder):
    assert score(simpler) < score(harder)


@pytest.mark.parametrize(
    ("text", "tiers"),
    [
        ("hi", "small"),
        ("What is the capital of France?", "small"),
        ("Who wrote Hamlet?", "small"),
        ("What is Python?", "small"),
        ("法国的首都是哪里？", "small"),
        ("¿Cuál es la capital de Francia?", "small"),
        ("Write a Python function that reverses a linked list.", "moe large"),
        ("Write a SQL query to find the second highest salary per department.", "moe large"),
        ("Prove that the square root of 2 is irrational.", "moe large"),
        ("Write a 1000 word essay about rain.", "moe large"),
        ("请解释为什么天空是蓝色的，并比较瑞利散射和米氏散射。", "moe large"),
        ("Debug this and explain why:\n```python\ndef f(x):\n    return x\n```", "large"),
    ],
)
def test_everyday_queries_go_where_one_expects(text, tiers):
    router = ruled()
    assert router.decide(RoutingRequest(text), None, 0.0).tier in tiers.split()


def test_contributions_explain_the_score():
    _, contributions = RuleComplexity().score(features(RoutingRequest("Sort 4, 2, 9, 7, 1, 8, 3, 5")))
    assert contributions[0][0] == "numbers to order"


@pytest.mark.parametrize(("level", "tier"), [(1, "small"), (2, "moe"), (3, "large")])
def test_demo_levels_go_to_their_tiers(level, tier):
    router = ruled()
    tasks = generate_tasks(200, seed=1, levels=(level,), fresh=False)
    tiers = Counter(router.decide(RoutingRequest(task.prompt), None, 0.0).tier for task in tasks)
    assert tiers[tier] >= 0.9 * len(tasks), tiers
