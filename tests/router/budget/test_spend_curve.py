"""The spend curve: hull, steps, and the way back to lambda."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.budget.spend_curve import Offers, spend_curve

COST = [1.0, 3.0, 10.0]


def offers(*qualities):
    quality = np.array(qualities, dtype=float)
    return Offers(quality, np.tile(COST, (len(quality), 1)))


def curve(sample, **options):
    return spend_curve(sample, sample.cost, **options)


def test_a_request_climbs_along_its_hull():
    found = curve(offers([0.1, 0.5, 0.85]))
    assert found.lambdas == pytest.approx([0.2, 0.05])
    assert (found.least, *found.spends) == pytest.approx((1, 3, 10))


def test_a_pool_below_the_hull_is_passed_by():
    assert curve(offers([0.1, 0.11, 0.9])).lambdas == pytest.approx([0.8 / 9])


@pytest.mark.parametrize(("ceiling", "most"), [(True, 1.0), (False, 10.0)])
def test_a_ceiling_stops_where_quality_falls(ceiling, most):
    assert curve(offers([0.9, 0.8, 0.5]), ceiling=ceiling).most == pytest.approx(most)


def test_pools_that_may_not_answer_are_never_climbed_to():
    found = curve(offers([0.1, -np.inf, 0.9], [-np.inf, 0.5, -np.inf]))
    assert (found.least, found.most) == pytest.approx((2, 6.5))


def test_between_requests_that_change_at_once_there_is_only_before_and_after():
    sample = offers(*[[0.1, 0.2, 0.9]] * 5)
    found = curve(sample)
    more, less = (found.lambda_for(5.0, prefer_more=more) for more in (True, False))
    assert list(sample.chosen(more)) == [2] * 5
    assert list(sample.chosen(less)) == [0] * 5


def test_without_requests_that_could_change_lambda_is_zero():
    assert curve(offers([0.5, -np.inf, -np.inf])).lambda_for(1.0, prefer_more=True) == 0


rows = st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=30)


@given(rows=rows, spend=st.floats(0, 12), more=st.booleans())
def test_the_sample_spends_what_the_curve_promises(rows, spend, more):
    sample = offers(*np.round(rows, 3))
    found = curve(sample)
    assert (np.diff(found.lambdas) <= 0).all()
    assert (np.diff(found.spends) >= 0).all()
    lambda_ = found.lambda_for(spend, prefer_more=more)
    taken = sample.cost[np.arange(len(rows)), sample.chosen(lambda_)].mean()
    # Beside the wanted value there is at most one step, of all requests that change at this lambda.
    step = (np.abs(found.lambdas - lambda_) <= 1e-6).sum() * 9 / len(rows)
    assert abs(taken - min(max(spend, found.least), found.most)) <= step + 9 / len(rows) + 1e-9


@given(rows=rows, spend=st.floats(0, 12))
def test_under_a_ceiling_lambda_never_turns_negative(rows, spend):
    assert curve(offers(*rows), ceiling=True).lambda_for(spend, prefer_more=True) > -1e-8
