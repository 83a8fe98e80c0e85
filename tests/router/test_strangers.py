"""Requests as strangers send them, on the h100 example with what ships: the tier that a person would choose."""

from __future__ import annotations

from functools import cache

import pytest
from stranger_requests import COMPILER, EASY, HARD, LANGUAGES, MINUTES, TREE

from cluster.loading import PROJECT_ROOT, load_spec
from router.decide import Router
from router.loading import load_quality
from router.requests import from_chat
from router.types import RoutingDecision


@cache
def router() -> Router:
    spec = load_spec(PROJECT_ROOT / "examples" / "h100.yaml")
    return Router(spec, load_quality(spec))


def decide(*messages: tuple[str, str], model: str = "auto") -> RoutingDecision:
    body = {"model": model, "messages": [{"role": role, "content": content} for role, content in messages]}
    return router().decide(from_chat(body), None, 0.0)


def ask(text: str, **body: str) -> RoutingDecision:
    return decide(("user", text), **body)


@pytest.mark.parametrize("text", HARD)
@pytest.mark.parametrize("context", [0, 10, 40, 80, 160])
def test_hard_requests_go_to_large_whatever_their_context(text, context):
    assert ask(f"Context:\n{MINUTES * context}\n\n{text}" if context else text).tier == "large"


@pytest.mark.parametrize("text", EASY)
@pytest.mark.parametrize("before", ["", "3 4 5 6 7 8 9 11 13 "])
def test_easy_requests_go_to_small_whatever_stands_before(text, before):
    assert ask(before + text).tier == "small"


def test_every_hard_request_has_a_higher_score_than_every_easy_one():
    assert max(ask(text).score for text in EASY) < min(ask(text).score for text in HARD)


@pytest.mark.parametrize("quality", [0.6, 0.7, 0.8, 0.9])
def test_a_quality_means_something(quality):
    assert {ask(text, model=f"auto:quality={quality}").tier for text in EASY} == {"small"}
    assert {ask(text, model=f"auto:quality={quality}").tier for text in HARD} == {"large"}


@pytest.mark.parametrize(("easy", "hard"), LANGUAGES)
@pytest.mark.parametrize("model", ["auto", "auto:quality=0.9"])
def test_other_languages_have_easy_and_hard_requests(easy, hard, model):
    assert (ask(easy, model=model).tier, ask(hard, model=model).tier) == ("small", "large")


def test_headings_hide_nothing():
    assert (
        ask(f"{TREE}\n\nInput: n, m up to 200000, then the edges.\nOutput: one number for each query.").tier == "large"
    )


def test_work_in_the_system_prompt_counts():
    assert decide(("system", COMPILER), ("user", "Go.")).tier == "large"


def test_going_on_is_as_hard_as_before():
    assert decide(("user", HARD[1]), ("assistant", "They differ."), ("user", "ok continue")).tier == "large"


def test_only_tiers_of_the_fleet_are_quoted():
    spec = load_spec(PROJECT_ROOT / "examples" / "h100.yaml")
    two = spec.model_copy(update={"pools": {name: pool for name, pool in spec.pools.items() if pool.tier != "moe"}})
    reasons = Router(two, load_quality(two)).decide(
        from_chat({"messages": [{"role": "user", "content": "hi"}]}), None, 0.0
    )
    assert "moe" not in " ".join(reasons.reasons)
