from __future__ import annotations

from simulation.baselines.windows import Every, Window


def test_every_is_due_at_once_and_then_once_a_period():
    every = Every(15)
    assert [moment for moment in range(100, 150, 5) if every.due(moment)] == [100, 115, 130, 145]


def test_every_begins_anew_where_time_goes_back():
    every = Every(15)
    assert every.due(100)
    assert every.due(50)
    assert not every.due(60)


def test_a_window_keeps_both_ends():
    window = Window(10)
    for moment, value in ((0, 8), (5, 2), (10, 4)):
        window.add(moment, value)
    assert (window.values(), window.mean(), window.max()) == ([8, 2, 4], 14 / 3, 8)
    window.add(11, 0)
    assert window.timed() == [(5, 2), (10, 4), (11, 0)]


def test_the_newest_value_stays():
    window = Window(0)
    window.add(0, 3)
    window.add(100, 5)
    assert window.values() == [5]


def test_an_empty_window_is_zero():
    assert (Window(10).mean(), Window(10).max()) == (0, 0)
