"""The desk: preferences, conversations, and accounts that the gateway and the simulation share."""

from __future__ import annotations

import hashlib

import pytest

from cluster.spec import FleetSpec
from cluster.usage import Usage
from router.budget.controller import Account
from router.desk import Desk, Sender
from router.quality import RuleQuality
from router.types import BadRequest, NoPool, RoutingRequest

PRICES = {"small": 1, "moe": 3, "large": 10}
BODY = {"messages": [{"role": "user", "content": "hi"}]}
NEXT_TURN = {
    "messages": [*BODY["messages"], {"role": "assistant", "content": "hello"}, {"role": "user", "content": "?"}]
}


def make_desk(**routing) -> Desk:
    pools = {
        tier: {
            "tier": tier,
            "model": f"org/{tier}",
            "engine": {"kind": "simulated"},
            "prices": {"output_per_mtok": price * 1e6},
        }
        for tier, price in PRICES.items()
    }
    key = {"sha256": hashlib.sha256(b"k").hexdigest(), "default": "auto:best"}
    spec = {"pools": pools, "routing": routing, "gateway": {"api_keys": {"alice": key}}}
    return Desk(FleetSpec.model_validate(spec), RuleQuality())


def test_the_header_and_the_key_say_how_to_choose():
    desk = make_desk()
    assert desk.open(RoutingRequest("hi"), 0.0).decision.pool == "small"
    assert desk.open(RoutingRequest("hi"), 0.0, sender=Sender(client="alice")).decision.pool == "large"
    assert desk.open(RoutingRequest("hi"), 0.0, sender=Sender("alice", "cheap")).decision.pool == "small"
    with pytest.raises(BadRequest, match="x-signalbox-route"):
        desk.open(RoutingRequest("hi"), 0.0, sender=Sender(preference="fast"))


def test_a_refused_request_books_nothing():
    desk = make_desk(budget={"mean_cost": 5})
    with pytest.raises(NoPool):
        desk.open(RoutingRequest("hi", model="gpt-9"), 0.0)
    assert desk.budget.take() == Account()


def test_what_was_booked_is_replaced_by_what_was_paid():
    desk = make_desk(budget={"mean_cost": 5})
    ticket = desk.open(RoutingRequest("hi"), 0.0, BODY)
    assert ticket.booked > 0
    assert ticket.spent("small", Usage(7, 30)) == 30
    assert ticket.spent("large", Usage(7, 2)) == 20
    ticket.answered("large")
    ticket.close()
    booked = desk.budget.take()
    assert (booked.requests, booked.spent) == (1, pytest.approx(50))
    assert desk.open(RoutingRequest("hi"), 0.0, NEXT_TURN).request.last_pool == "large"


def test_what_failed_costs_nothing_and_what_nobody_knows_keeps_its_booking():
    desk = make_desk(budget={"mean_cost": 5})
    desk.open(RoutingRequest("hi"), 0.0).close()
    assert desk.budget.take().spent == pytest.approx(0)
    left = desk.open(RoutingRequest("hi"), 0.0)
    left.close(client_left=True)
    assert desk.budget.take().spent == pytest.approx(left.booked)
    uncounted = desk.open(RoutingRequest("hi"), 0.0)
    uncounted.spent("small", Usage())
    uncounted.answered("small")
    uncounted.close()
    assert desk.budget.take().spent == pytest.approx(uncounted.booked)


@pytest.mark.parametrize("request_", [RoutingRequest("hi", model="large"), RoutingRequest("", generates=False)])
def test_pinned_requests_and_bodies_to_tokenize_are_not_on_the_budget(request_):
    desk = make_desk(budget={"large_share": 0.5})
    ticket = desk.open(request_, 0.0, BODY)
    ticket.spent(ticket.decision.pool, Usage(1, 1))
    ticket.close()
    assert (ticket.booked, desk.budget.take()) == (None, Account())
