"""Hashed n-grams: counted as one would by hand, weighted to length 1, for any text."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.ngrams import BUCKET_BITS, BUCKETS, Counts, token_hashes, word_ngrams
from router.model.reading import read

WRAP = 1 << 64
ANY_TEXT = st.text(max_size=200) | st.text(st.characters(exclude_categories=[]), max_size=100)


def bucket(key: int) -> int:
    return key * 0xD6E8FEB86659FD93 % WRAP >> (64 - BUCKET_BITS)


def words_by_hand(tokens: tuple[str, ...]) -> Counter[int]:
    hashes = [int(value) for value in token_hashes(tokens)]
    pairs = [(one * 0x9E3779B97F4A7C15 + other) % WRAP for one, other in pairwise(hashes)]
    return Counter(map(bucket, hashes + pairs))


def as_counter(found: Counts) -> Counter[int]:
    return Counter(dict(zip(found.buckets.tolist(), found.counts.tolist(), strict=True)))


def ngrams(text: str) -> Counts:
    return word_ngrams(token_hashes(read(text).tokens))


@given(ANY_TEXT)
def test_words_are_counted_as_by_hand(text):
    tokens = read(text).tokens
    assert as_counter(word_ngrams(token_hashes(tokens))) == words_by_hand(tokens)


@given(ANY_TEXT)
def test_buckets_ascend_and_exist(text):
    found = ngrams(text)
    assert (np.diff(found.buckets) > 0).all()
    assert ((found.buckets >= 0) & (found.buckets < BUCKETS)).all()
    assert (found.counts >= 1).all()


@given(ANY_TEXT)
def test_weights_have_length_one(text):
    idf = np.linspace(0.5, 3, BUCKETS, dtype=np.float32)
    found = ngrams(text)
    assert np.linalg.norm(found.weighted(idf)) == pytest.approx(1 if len(found.buckets) else 0)


def test_weights_by_hand():
    found = Counts(np.array([1, 5]), np.array([1.0, np.e]))
    idf = np.zeros(BUCKETS, dtype=np.float32)
    idf[[1, 5]] = 3, 2
    assert found.weighted(idf) == pytest.approx([3 / 5, 4 / 5])  # 1 * 3 and (1 + 1) * 2, over 5


def test_what_training_never_saw_weighs_nothing():
    found = ngrams("one two")
    assert (found.weighted(np.zeros(BUCKETS, dtype=np.float32)) == 0).all()


@pytest.mark.parametrize("tokens", [(), ("one",)])
def test_few_tokens(tokens):
    assert len(word_ngrams(token_hashes(tokens)).buckets) == len(tokens)


def test_100_kb_fill_no_more_than_all_buckets():
    rng = np.random.default_rng(0)
    tokens = tuple(map(chr, rng.integers(1, 0x10FF, 100_000)))
    assert len(word_ngrams(token_hashes(tokens)).buckets) <= BUCKETS
