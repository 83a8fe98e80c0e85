"""What strangers send, over HTTP to a gateway with the pools of the h100 example and what ships."""

from __future__ import annotations

import asyncio

import fake_pools as fakes
import pytest
from fake_board import FakeBoard
from stranger_requests import COMPILER, EASY, HARD, LANGUAGES, MINUTES, TREE

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.state import PoolState, ReplicaState
from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)
        patch.setattr(module, "BoardLink", lambda spec: FakeBoard(folder))
        spec = load_spec(PROJECT_ROOT / "examples" / "h100.yaml")
        made = Gateway(spec, {name: fakes.FakePool() for name in spec.pools})
    states = {name: PoolState(name, (ReplicaState(name, name, "n", as_of_s=0.0),)) for name in spec.pools}
    made.desk.accounts.fleet = states
    return made


def routed(gateway, *messages, **body):
    """What POST /v1/route says about a chat."""
    given = {"model": "auto", "messages": [{"role": role, "content": text} for role, text in messages], **body}

    async def post():
        async with fakes.client(gateway) as http:
            return await http.post("/v1/route", json=given)

    answer = asyncio.run(post())
    assert answer.status_code == 200, answer.text
    return answer.json()


def tier(gateway, *messages, **body):
    return routed(gateway, *messages, **body)["tier"]


@pytest.mark.parametrize("text", HARD)
def test_hard_requests_go_to_large(gateway, text):
    assert tier(gateway, ("user", text)) == "large"
    assert tier(gateway, ("user", f"Context:\n{MINUTES * 80}\n\n{text}")) == "large"


@pytest.mark.parametrize("text", EASY)
def test_easy_requests_go_to_small(gateway, text):
    assert tier(gateway, ("user", text)) == "small"
    assert tier(gateway, ("user", f"3 4 5 6 7 8 9 11 13 {text}")) == "small"


@pytest.mark.parametrize(("easy", "hard"), LANGUAGES)
def test_so_do_those_in_other_languages(gateway, easy, hard):
    for model in ("auto", "auto:quality=0.9"):
        assert tier(gateway, ("user", easy), model=model) == "small"
        assert tier(gateway, ("user", hard), model=model) == "large"


def test_the_task_counts_wherever_it_is(gateway):
    parts = f"{TREE}\n\nInput: n, m up to 200000, then the edges.\nOutput: one number for each query."
    assert tier(gateway, ("user", parts)) == "large"
    assert tier(gateway, ("system", COMPILER), ("user", "Go.")) == "large"
    assert tier(gateway, ("user", HARD[1]), ("assistant", "They differ."), ("user", "ok continue")) == "large"


def test_all_that_is_rendered_is_counted(gateway):
    """Documents of 60,000 characters cost their tokens, and do not make an easy question hard."""
    alone = routed(gateway, ("user", EASY[0]))
    with_documents = routed(gateway, ("user", EASY[0]), documents=[{"text": MINUTES * 600}])
    assert with_documents["tier"] == alone["tier"] == "small"
    assert with_documents["prompt_tokens"] > 10_000 > alone["prompt_tokens"]
    assert cost(with_documents) > cost(alone)


def test_several_answers_cost_what_they_cost(gateway):
    one, many = (cost(routed(gateway, ("user", EASY[0]), n=n)) for n in (1, 100))
    assert many > 20 * one


def cost(decision):
    return decision["pools"]["small"]["cost"]
