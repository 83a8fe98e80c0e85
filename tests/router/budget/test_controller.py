"""The budget is held: same traffic, shifts, ties, nothing known, several gateways, wrong expectations."""

from __future__ import annotations

import numpy as np
import pytest

from cluster.routing import BudgetSpec
from router.budget.controller import BOUND_REQUESTS, Account, BudgetController
from training.judge.budget_run import simulate_budget

LARGE = (False, False, True)
PRICES = np.array([1.0, 3.0, 10.0])
SHARE = BudgetSpec(large_share=0.4)


def traffic(seed, requests=1_200, shift=0.0, spread=0.3):
    """Predictions and costs of requests: the harder, the more a dearer pool adds."""
    rng = np.random.default_rng(seed)
    hard = rng.beta(2, 2, requests) * spread + shift
    quality = np.clip(np.stack([0.95 - hard, 0.97 - hard / 2, np.full(requests, 0.97)], axis=1), 0, 1)
    return quality, rng.lognormal(0, 0.4, (requests, 1)) * PRICES


def budget(kind, level, costs):
    if kind == "share":
        return BudgetSpec(large_share=level)
    means = costs.mean(axis=0)
    return BudgetSpec(mean_cost=float(means[0] + level * (means[2] - means[0])))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("level", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("kind", ["share", "cost"])
@pytest.mark.parametrize("knows", [True, False])
def test_the_same_traffic_holds_within_two_points(kind, level, seed, knows):
    quality, costs = traffic(seed)
    run = simulate_budget(quality, costs, LARGE, budget(kind, level, costs), traffic(9) if knows else None)
    assert run.error_pp <= 1
    assert run.worst_window_error_pp <= 2


@pytest.mark.parametrize("level", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("kind", ["share", "cost"])
@pytest.mark.parametrize("shift", [0.4, -0.2])
def test_a_shift_in_mid_stream_costs_at_most_three_points(kind, level, shift):
    parts = [traffic(1), traffic(2, shift=shift, spread=0.1)]
    quality, costs = (np.concatenate(part) for part in zip(*parts, strict=True))
    run = simulate_budget(quality, costs, LARGE, budget(kind, level, costs), traffic(9))
    assert run.error_pp <= 1
    assert run.worst_window_error_pp <= 3


@pytest.mark.parametrize("level", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("kinds", [1, 3])
def test_identical_queries_are_shared_out(level, kinds):
    quality = np.array([[0.5, 0.6, 0.9], [0.9, 0.91, 0.92], [0.3, 0.3, 0.3]])[np.arange(1_500) % kinds]
    run = simulate_budget(quality, np.tile(PRICES, (1_500, 1)), LARGE, BudgetSpec(large_share=level))
    assert run.worst_window_error_pp <= 1


def test_nothing_known_and_few_requests():
    quality, costs = traffic(0, requests=50)
    assert simulate_budget(quality, costs, LARGE, SHARE).error_pp <= 6


def test_the_money_goes_where_it_helps():
    quality, _ = traffic(0)
    costs = np.tile(PRICES, (len(quality), 1))
    chosen = simulate_budget(quality, costs, LARGE, SHARE, traffic(9)).chosen == 2
    gain = quality[:, 2] - quality[:, 0]
    ideal = gain >= np.quantile(gain, 0.6)
    assert gain[chosen].sum() >= 0.97 * gain[ideal].sum()


def test_a_ceiling_is_not_spent_on_nothing():
    quality = np.tile([0.9, 0.9, 0.8], (600, 1))
    costs = np.tile(PRICES, (600, 1))
    assert (simulate_budget(quality, costs, LARGE, BudgetSpec(mean_cost=5, ceiling=True)).chosen == 0).all()
    held = simulate_budget(quality, costs, LARGE, BudgetSpec(mean_cost=5))
    assert held.error_pp <= 2


@pytest.mark.parametrize("ratio", [0.1, 3.0])
@pytest.mark.parametrize("delay", [0, 60])
def test_realised_costs_are_what_counts(ratio, delay):
    """Expected costs are wrong by a factor, and answers close late."""
    quality, costs = traffic(0, requests=2_400)
    wanted = float(costs.mean(axis=0) @ [0.6, 0, 0.4]) * ratio
    controller = BudgetController(BudgetSpec(mean_cost=wanted), LARGE, 0.01)
    open_answers, realised = [], []
    for q, c in zip(quality, costs, strict=True):
        chosen = int((q - controller.cost_lambda * c).argmax())
        open_answers.append((controller.charge(q, c, chosen), c[chosen] * ratio))
        realised.append(c[chosen] * ratio)
        if len(open_answers) > delay:
            controller.correct(*open_answers.pop(0))
    assert np.mean(realised[600:]) == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("gateways", [1, 4])
def test_gateways_that_share_an_account_hold_it_together(gateways):
    """Each sees its own traffic, one of them only hard queries; they meet every 50 requests."""
    controllers = [BudgetController(SHARE, LARGE, 0.01) for _ in range(gateways)]
    streams = [traffic(n, requests=1_000, shift=0.3 * (n == 1)) for n in range(gateways)]
    total, spent = Account(), []
    for step in range(1_000):
        for controller, (quality, costs) in zip(controllers, streams, strict=True):
            chosen = int((quality[step] - controller.cost_lambda * costs[step]).argmax())
            spent.append(controller.charge(quality[step], costs[step], chosen))
        if step % 50 == 49:
            total = sum((controller.take() for controller in controllers), total)
            for controller in controllers:
                controller.adopt(total, gateways)
    assert total.requests == 1_000 * gateways
    assert total.spent == pytest.approx(sum(spent))
    assert np.mean(spent) == pytest.approx(0.4, abs=0.01)


def test_what_could_not_be_delivered_is_kept():
    controller = BudgetController(SHARE, LARGE, 0.01)
    controller.charge(np.array([0.1, 0.2, 0.9]), PRICES, 2)
    taken = controller.take()
    controller.charge(np.array([0.1, 0.2, 0.9]), PRICES, 2)
    controller.untake(taken)
    assert controller.take().requests == 2


def test_a_restart_goes_on_from_the_shared_account():
    quality, costs = traffic(0)
    controller = BudgetController(SHARE, LARGE, 0.01)
    for q, c in zip(quality[:300], costs[:300], strict=True):
        controller.charge(q, c, 2)
    fresh = BudgetController(SHARE, LARGE, 0.01)
    fresh.adopt(controller.take(), 1)
    later = [fresh.charge(q, c, int((q - fresh.cost_lambda * c).argmax())) for q, c in zip(quality, costs, strict=True)]
    assert sum(later[:100]) < 0.2 * 100


def test_credit_is_bounded():
    controller = BudgetController(SHARE, LARGE, 0.01)
    for _ in range(5_000):
        controller.charge(np.array([0.1, 0.2, 0.9]), PRICES, 2)
    taken = controller.take()
    assert taken.spent == 5_000
    assert abs(taken.credit) <= BOUND_REQUESTS


def test_without_anything_known_lambda_is_what_the_spec_says():
    assert BudgetController(SHARE, LARGE, 0.123).cost_lambda == 0.123
