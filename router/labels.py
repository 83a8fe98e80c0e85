"""What a fleet learns from its own traffic: graded answers, without the text of any request.

A label keeps what the quality model reads of a request: counts, hashes of words and lengths.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from cluster.pool import TIERS
from router.confidence.calibration import Graded
from router.model.learned import VOCABULARY, View, view
from router.model.lexical import NAMES
from router.model.ngrams import BUCKETS, Counts
from router.types import RoutingRequest

Source = Literal["comparison", "feedback"]
MOST_NUMBERS = 100_000
"""Numbers in one field of a label; the views of the longest requests stay far below."""
_WORD = re.compile(r"\w+")


class BadLabel(ValueError):
    """A line is not a label."""


@dataclass(frozen=True)
class Label:
    """The graded answers to one request."""

    at_s: float
    """Unix time."""
    source: Source
    """`comparison`: two tiers' final answers were compared. `feedback`: a client scored one answer."""
    owner: str | None
    """Name of the client's API key, for feedback; None without keys."""
    question: str
    """Hash of the normalised text: equal questions teach nothing about others."""
    seen: View
    prompt_tokens: float
    quality: Mapping[str, float]
    """By tier, 0..1."""
    output_tokens: Mapping[str, float]
    """Length of the answers by tier."""
    expected: Mapping[str, float]
    """Quality by tier that the spec's own model predicted."""
    judged: Graded | None = None
    """The lower tier's answer, if its confidence is known."""


def label_of(
    request: RoutingRequest,
    expected: Mapping[str, float],
    quality: Mapping[str, float],
    output_tokens: Mapping[str, float],
    *,
    at_s: float,
    source: Source,
    owner: str | None = None,
) -> Label:
    """Return the label of a request; its text is left out."""
    return Label(
        at_s=at_s,
        source=source,
        owner=owner,
        question=_hash(normalised(request.text)),
        seen=view(request),
        prompt_tokens=request.prompt_tokens,
        quality=quality,
        output_tokens=output_tokens,
        expected=expected,
    )


def normalised(text: str) -> str:
    """Return a text without case, spacing and punctuation. Texts with equal results ask the same question."""
    return " ".join(_WORD.findall(text.casefold()))


def as_line(label: Label) -> dict[str, Any]:
    """Return a label as a JSON-ready object."""
    seen = label.seen
    return {
        "at_s": round(label.at_s, 3),
        "source": label.source,
        "owner": label.owner,
        "question": label.question,
        "features": [round(value, 5) for value in seen.features.tolist()],
        "buckets": seen.words.buckets.tolist(),
        "counts": [int(count) for count in seen.words.counts.tolist()],
        "tokens": seen.tokens.tolist(),
        "log_characters": round(seen.log_characters, 5),
        "prompt_tokens": label.prompt_tokens,
        "quality": dict(label.quality),
        "output_tokens": dict(label.output_tokens),
        "expected": {tier: round(value, 5) for tier, value in label.expected.items()},
        "judged": asdict(label.judged) if label.judged else None,
    }


def read_label(row: Any) -> Label:
    """Return the label in a JSON object.

    Raises:
        BadLabel: a field is missing or out of range.
    """
    try:
        if row["source"] not in get_args(Source):
            raise ValueError("source")
        seen = View(
            _floats(row["features"], len(NAMES)),
            Counts(_places(row["buckets"], BUCKETS), _floats(row["counts"], len(row["buckets"]))),
            _places(row["tokens"], VOCABULARY),
            float(row["log_characters"]),
        )
        if len(seen.words.counts) and seen.words.counts.min() < 1:
            raise ValueError("counts")
        return Label(
            at_s=float(row["at_s"]),
            source=row["source"],
            owner=None if row["owner"] is None else str(row["owner"]),
            question=str(row["question"]),
            seen=seen,
            prompt_tokens=float(row["prompt_tokens"]),
            quality=_by_tier(row["quality"], 1.0),
            output_tokens=_by_tier(row["output_tokens"], 1e15),
            expected=_by_tier(row["expected"], 1.0),
            judged=graded(row),
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise BadLabel(f"is not a label: {error!r}") from error


def graded(row: Mapping[str, Any]) -> Graded | None:
    """Return the graded answer in a label's JSON object; None if its confidence is not known.

    Raises:
        ValueError, LookupError, TypeError: it is damaged.
    """
    judged = row.get("judged")  # labels of earlier releases have none
    if judged is None:
        return None
    found = Graded(str(judged["pool"]), float(judged["confidence"]), float(judged["good"]))
    if not (0 <= found.confidence <= 1 and 0 <= found.good <= 1):
        raise ValueError("judged")
    return found


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _floats(values: Any, length: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    array = np.array(values, dtype=np.float64)
    if array.shape != (length,) or not np.isfinite(array).all():
        raise ValueError("numbers are missing or not finite")
    return array


def _places(values: Any, below: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    array = np.array(values, dtype=np.intp).reshape(-1)
    if len(array) > MOST_NUMBERS or (len(array) and not (array.min() >= 0 and array.max() < below)):
        raise ValueError("places are out of range")
    return array


def _by_tier(values: Any, most: float) -> dict[str, float]:
    found = {str(tier): float(value) for tier, value in values.items()}
    if not found.keys() <= set(TIERS) or not all(math.isfinite(v) and 0 <= v <= most for v in found.values()):
        raise ValueError("values by tier are out of range")
    return found
