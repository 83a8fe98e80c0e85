"""Blocks of earlier prompts are found, in order, until newer ones take their place."""

from __future__ import annotations

from simulation.prefix_cache import PrefixCache


def test_only_an_unbroken_beginning_counts():
    cache = PrefixCache(10 * 512)
    cache.keep((1, 2, 3))
    assert cache.hit_tokens((1, 2, 3, 4)) == 3 * 512
    assert cache.hit_tokens((1, 9, 3)) == 512
    assert cache.hit_tokens((9, 1, 2)) == 0
    assert cache.hit_tokens(()) == 0


def test_the_least_recently_used_go_and_a_prompts_end_goes_before_its_beginning():
    cache = PrefixCache(4 * 512)
    cache.keep((1, 2))
    cache.keep((3, 4))
    cache.keep((1,))
    cache.keep((5,))
    assert cache.hit_tokens((2,)) == 0
    assert cache.hit_tokens((1,)) == cache.hit_tokens((3,)) == 512
    cache.keep((6,))
    assert cache.hit_tokens((3, 4)) == 512
