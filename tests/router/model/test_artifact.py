"""Artifacts: what is written is read again, and nothing else is."""

from __future__ import annotations

import io
import json
import math
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcome_maker import outcome_rows
from trained_router import as_outcomes, trained

from cluster.pool import TIERS
from router.model.arrays import MAX_BYTES, ArtifactError
from router.model.artifact import dump_artifact, load_artifact
from router.types import RoutingRequest

Arrays = dict[str, np.ndarray]


@cache
def whole() -> bytes:
    return dump_artifact(trained())


def packed(arrays: Arrays, **more: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays, **more)
    return file.getvalue()


def with_arrays(**changed: Any) -> bytes:
    """The artifact with some arrays changed by functions of them, or left out by None."""
    with np.load(io.BytesIO(whole())) as file:
        arrays = {name: file[name] for name in file.files}
    for name, change in changed.items():
        array = arrays.pop(name)
        if change is not None:
            arrays[name] = change(array)
    return packed(arrays)


def with_head(**changed: Any) -> bytes:
    def change(raw: np.ndarray) -> np.ndarray:
        head = json.loads(raw.tobytes()) | changed
        return np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)

    return with_arrays(head=change)


def at(place: Any, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[place] = value
        return array

    return change


def zip_of(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_a_model_comes_back_from_its_file():
    model, again = trained(), load_artifact(whole())
    assert (again.anchor, again.lower) == (model.anchor, model.lower) == ("large", ("small", "moe"))
    assert again.card == model.card
    assert again.calibration.quality == pytest.approx(model.calibration.quality, abs=1e-6)
    for outcome in as_outcomes(outcome_rows(40, seed=5)):
        restored, original = again.predict(outcome.request), model.predict(outcome.request)
        assert restored.quality == pytest.approx(original.quality, abs=2e-3)  # n-gram weights are in half precision
        assert restored.output_tokens == pytest.approx(original.output_tokens)
        assert restored.fallback is original.fallback is None


def test_a_file_is_written_and_read_in_the_same_bytes():
    assert dump_artifact(load_artifact(whole())) == whole() == dump_artifact(trained())


def test_a_file_is_small():
    assert len(whole()) < 2**20


ROUND = [RoutingRequest("x"), RoutingRequest("Day 7: add up these coins: 3, 4."), RoutingRequest("?" * 9_000)]
BROKEN = {
    "empty": (lambda: b"", "is damaged or not an artifact"),
    "text": (lambda: b"weights: [1, 2]", "is damaged or not an artifact"),
    "a pickle": (lambda: pickle.dumps({"head": 1}), "is damaged or not an artifact"),
    "a pickled array": (lambda: packed({"head": np.array([{}])}), "is damaged or not an artifact"),
    "one array, no zip": (lambda: b"\x93NUMPY\x01\x00" + whole()[:50], "is damaged or not an artifact"),
    "zip of nothing": (lambda: zip_of({}), "has no readable head"),
    "zip of something else": (lambda: zip_of({"a.txt": b"hello", "b/c.json": b"{}"}), "has no readable head"),
    "head that is no array": (lambda: zip_of({"head": b'{"format": 1}'}), "has no readable head"),
    "zip bomb": (lambda: zip_of({"head.npy": bytes(MAX_BYTES + 1)}), "is too large for an artifact"),
    "head of list": (lambda: with_arrays(head=lambda _: np.frombuffer(b"[]", np.uint8)), "has no readable head"),
    "head of no text": (lambda: with_arrays(head=lambda _: np.full(9, 255, np.uint8)), "has no readable head"),
    "head too deep": (
        lambda: with_arrays(head=lambda _: np.frombuffer(b"[" * 100_000, np.uint8)),
        "has no readable head",
    ),
    "other format": (lambda: with_head(format=1), "has format 1, this version reads 2 and adapted-1: train it again"),
    "other features": (lambda: with_head(features=["length"]), "was trained on other features"),
    "one tier": (lambda: with_head(tiers=["large"]), "has invalid tiers"),
    "a tier twice": (lambda: with_head(tiers=["large", "large", "moe"]), "has invalid tiers"),
    "unknown tier": (lambda: with_head(tiers=["large", "tiny", "moe"]), "has invalid tiers"),
    "tiers of another kind": (lambda: with_head(tiers=[["large"], {}, 3]), "has invalid tiers"),
    "no tiers": (lambda: with_head(tiers=None), "has invalid tiers"),
    "fewer tiers than heads": (lambda: with_head(tiers=["large", "moe"]), "of shape"),
    "no card": (lambda: with_head(card=[]), "has no card"),
    "array missing": (lambda: with_arrays(words_weights=None), "lacks words_weights"),
    "sample missing": (lambda: with_arrays(sample_quality=None), "lacks sample_quality"),
    "wrong shape": (lambda: with_arrays(linear_mean=lambda a: a[:-1]), "has linear_mean of shape"),
    "wrong dimensions": (lambda: with_arrays(slope=lambda a: a[None]), "has slope of shape (1, 3)"),
    "wrong kind": (lambda: with_arrays(offset=lambda a: a.astype(np.int64)), "and type int64"),
    "text for numbers": (lambda: with_arrays(offset=lambda a: a.astype(str)), "has offset of shape"),
    "small vocabulary": (lambda: with_arrays(vocabulary=lambda a: a[:9]), "has vocabulary of shape (9,)"),
    "uneven sample": (lambda: with_arrays(sample_output_tokens=lambda a: a[1:]), "has sample_output_tokens of shape"),
    "NaN": (lambda: with_arrays(words_idf=at(7, np.nan)), "has numbers in words_idf that are not finite"),
    "infinite": (lambda: with_arrays(longest=at(0, np.inf)), "has numbers in longest that are not finite"),
    "far too large": (lambda: with_arrays(slope=at(1, 1e300)), "has numbers in slope that are not finite or too large"),
    "linear member out of range": (lambda: with_arrays(linear_places=at(1, 255)), "on unknown features"),
    "feature out of range": (lambda: with_arrays(trees_feature=at((0, 0), 255)), "has trees on unknown features"),
    "feature below range": (
        lambda: with_arrays(trees_feature=lambda a: a.astype(np.int64) - 99),
        "has trees on unknown features",
    ),
    "heads out of order": (lambda: with_arrays(trees_heads=lambda a: a[[0, 2, 1]]), "heads are out of order"),
    "first head late": (lambda: with_arrays(trees_heads=at(0, 1)), "heads are out of order"),
    "head beyond trees": (lambda: with_arrays(trees_heads=at(2, 10**6)), "heads are out of order"),
    "heads that wrap around": (
        lambda: with_arrays(trees_heads=lambda _: np.array([0, 2**63 - 1, -(2**63)])),
        "heads are out of order",
    ),
    "no trees": (lambda: with_arrays(trees_feature=lambda a: a[:, :0]), "heads are out of order"),
    "fewer leaves than trees": (lambda: with_arrays(trees_leaves=lambda a: a[:-1]), "has trees_leaves of shape"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused(name):
    make, message = BROKEN[name]
    with pytest.raises(ArtifactError) as caught:
        load_artifact(make())
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(share):
    with pytest.raises(ArtifactError, match="is damaged or not an artifact: create one with `signalbox router train`"):
        load_artifact(whole()[: int(len(whole()) * share)])


def loads_or_is_refused(data: bytes) -> None:
    try:
        model = load_artifact(data)
    except ArtifactError:
        return
    for request in ROUND:
        prediction = model.predict(request)
        assert prediction.quality.keys() == prediction.output_tokens.keys() == set(TIERS)
        assert all(0 <= value <= 1 for value in prediction.quality.values())
        assert all(math.isfinite(value) for value in prediction.output_tokens.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1, max_size=4))
def test_bytes_that_change_break_nothing_else(changes):
    data = bytearray(whole())
    for place, value in changes:
        data[place % len(data)] = value
    loads_or_is_refused(bytes(data))


NUMBERS = ("linear_", "usual", "output_tokens", "words_", "trees_", "slope", "offset", "longest", "vocabulary")


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_numbers_that_change_break_nothing_else(data):
    """Bytes of an array that change behind the back of the zip's checksum."""
    with np.load(io.BytesIO(whole())) as file:
        arrays = {name: file[name] for name in file.files}
    for name in data.draw(
        st.lists(st.sampled_from(sorted(n for n in arrays if n.startswith(NUMBERS))), min_size=1, max_size=3)
    ):
        raw = bytearray(arrays[name].tobytes())
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        arrays[name] = np.frombuffer(bytes(raw), arrays[name].dtype).reshape(arrays[name].shape)
    loads_or_is_refused(packed(arrays))
