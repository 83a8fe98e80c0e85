"""Arrays and a card in one file (numpy's .npz, no pickle). Every array is checked when it is taken out."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.pool import TIERS
from router.model.lexical import NAMES
from router.model.members import MAX_LEAVES, MAX_SPLITS, Hashed, Linear, Trees
from router.model.ngrams import BUCKETS
from router.types import CalibrationSample

MAX_BYTES = 64 * 2**20
"""Maximum unpacked size of an artifact."""
MAX_VALUE = 1e12
"""Largest absolute value in an artifact. Trained models stay far below, and larger values could make predictions
infinite."""

Arrays = Mapping[str, NDArray[Any]]


class ArtifactError(ValueError):
    """The file is not a usable artifact; the message gives the reason and a remedy."""


def member_arrays(prefix: str, member: Linear | Hashed | Trees) -> dict[str, NDArray[Any]]:
    """Return a member's arrays by name. Hashed weights are many and small, so half precision is enough."""
    arrays: dict[str, NDArray[Any]] = {f"{prefix}_{field}": value for field, value in vars(member).items()}
    if isinstance(member, Hashed):
        return {name: value.astype(np.float16) for name, value in arrays.items()}
    if isinstance(member, Trees):
        arrays[f"{prefix}_feature"] = member.feature.astype(np.uint8)
    return arrays


def packed(head: Mapping[str, Any], arrays: Arrays) -> bytes:
    """Return a file's content."""
    file = io.BytesIO()
    first: dict[str, NDArray[Any]] = {"head": np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)}
    np.savez_compressed(file, allow_pickle=False, **first, **arrays)
    return file.getvalue()


def unpacked(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file's content.

    Raises:
        ArtifactError: the file is damaged or unpacks to more than MAX_BYTES.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MAX_BYTES:
                raise ArtifactError("is too large for an artifact: use the path of another file")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            # numpy returns a member that is not an array as plain bytes.
            return {name: array for name in file.files if isinstance(array := file[name], np.ndarray)}
    except ArtifactError:
        raise
    except Exception as error:  # damaged files raise many kinds of errors in zipfile, zlib and numpy
        raise ArtifactError("is damaged or not an artifact: create one with `signalbox router train`") from error


class CheckedArrays:
    """The arrays of a file; every access checks the array."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def head(self, wanted: Sequence[int | str], features: Sequence[str]) -> dict[str, Any]:
        """The head of a file that has one of the wanted formats, for these features."""
        raw = self._arrays.get("head", np.zeros(0, dtype=np.uint8))
        try:
            head = json.loads(raw.tobytes())
            version = head["format"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArtifactError("has no readable head: create it again with `signalbox router train`") from error
        if version not in wanted:
            known = " and ".join(map(str, wanted))
            raise ArtifactError(f"has format {version!r}, this version reads {known}: train it again")
        if head.get("features") != list(features):
            raise ArtifactError("was trained on other features than this version uses: train it again")
        if not isinstance(head.get("card"), dict):
            raise ArtifactError("has no card: create it again with `signalbox router train`")
        checked: dict[str, Any] = head
        return checked

    def take(self, name: str, kind: type, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Return an array of a given number type and shape; None in the shape means any length."""
        array = self._arrays.get(name)
        if array is None:
            raise ArtifactError(f"lacks {name}: it is truncated, train it again")
        pairs = zip(shape, array.shape, strict=False)
        fits = array.ndim == len(shape) and all(want in (None, has) for want, has in pairs)
        if not fits or not np.issubdtype(array.dtype, kind):
            raise ArtifactError(f"has {name} of shape {array.shape} and type {array.dtype}: train it again")
        return array

    def floats(self, name: str, *shape: int | None) -> NDArray[np.float64]:
        array = self.take(name, np.floating, shape).astype(np.float64)
        if not (np.abs(array) <= MAX_VALUE).all():
            raise ArtifactError(f"has numbers in {name} that are not finite or too large: train it again")
        return array

    def linear(self, name: str, heads: int) -> Linear:
        places = self.take(f"{name}_places", np.integer, (None,)).astype(np.intp)
        if not ((places >= 0) & (places < len(NAMES))).all():
            raise ArtifactError("has a linear member on unknown features: train it again")
        return Linear(
            places,
            self.floats(f"{name}_mean", len(places)),
            self.floats(f"{name}_scale", len(places)),
            self.floats(f"{name}_weights", heads, len(places)),
            self.floats(f"{name}_intercept", heads),
        )

    def hashed(self, name: str, heads: int) -> Hashed:
        return Hashed(
            self.floats(f"{name}_idf", BUCKETS).astype(np.float32),
            self.floats(f"{name}_weights", BUCKETS, heads).astype(np.float32),
            self.floats(f"{name}_intercept", heads),
        )

    def trees(self, name: str, heads: int, features: int) -> Trees:
        feature = self.take(f"{name}_feature", np.integer, (MAX_SPLITS, None)).astype(np.intp)
        count = feature.shape[1]
        starts = self.take(f"{name}_heads", np.integer, (heads,)).astype(np.intp)
        if feature.size and not (feature.min() >= 0 and feature.max() < features):
            raise ArtifactError("has trees on unknown features: train it again")
        if starts[0] != 0 or (np.diff(starts) <= 0).any() or starts.max() >= count:
            raise ArtifactError("has trees whose heads are out of order: train it again")
        return Trees(
            feature,
            # A threshold may be infinite: every request passes such a split.
            self.take(f"{name}_threshold", np.float64, (MAX_SPLITS, count)),
            self.take(f"{name}_left", np.uint16, (MAX_SPLITS, count)),
            self.floats(f"{name}_leaves", count, MAX_LEAVES),
            starts,
        )

    def sample(self) -> CalibrationSample:
        quality = self.floats("sample_quality", None, len(TIERS))
        tokens = self.floats("sample_output_tokens", len(quality), len(TIERS))
        return CalibrationSample(quality, tokens, self.floats("sample_prompt_tokens", len(quality)))
