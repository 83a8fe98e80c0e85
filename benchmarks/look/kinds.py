"""Kinds of looks at an answer: what each one sees, how long it holds the answer back, and what it generates besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from cluster.loading import PROJECT_ROOT, load_spec
from demo.confidence import USED
from demo.looks import Look
from router.confidence.final_answer import final_answer
from router.confidence.judge import Evidence, confidence_features
from router.loading import shipped_quality
from router.model.artifact import load_artifact
from router.quality import QualityModel
from router.types import RoutingRequest

OWN_ARTIFACT = PROJECT_ROOT / "demo" / "router.npz"
HELD = (4, 8, 16, 24, 32)
SHORT = 8
"""Tokens of two samples that are compared before they are whole."""

Features = Callable[[Look], Mapping[str, float]]
Count = Callable[[Look], int]


def nothing(_look: Look) -> int:
    """No tokens."""
    return 0


@dataclass(frozen=True)
class Kind:
    """One way to predict whether the small model's answer is good."""

    name: str
    features: Features
    held: Count = nothing
    """Tokens of the answer that exist when the look is taken."""
    extra: Count = nothing
    """Tokens that are generated for the look alone."""
    asks: bool = True
    """Whether the small model has read the prompt by then."""


def prediction(model: QualityModel) -> Features:
    """What a quality model knows before the answer, as the shipped features have it."""

    @cache
    def of(prompt: str) -> Mapping[str, float]:
        return confidence_features("small", Evidence((0.0,), (0.0,)), model.predict(RoutingRequest(prompt)))

    return lambda look: {name: of(look.answered.task.prompt)[name] for name in ("predicted", "predicted_higher")}


def first_tokens(count: int) -> Features:
    """The shipped features of an answer's first tokens."""

    def of(look: Look) -> Mapping[str, float]:
        logprobs, margins = look.answered.logprobs, look.answered.margins
        found = confidence_features("small", Evidence(logprobs[:count], margins[:count], len(logprobs) < count))
        return {name: found[name] for name in USED}

    return of


def hidden_state(look: Look) -> Mapping[str, float]:
    """The hidden state of the prompt's last token, a feature for each dimension."""
    return {f"hidden {place}": value for place, value in enumerate(look.hidden)}


def same_answers(look: Look) -> Mapping[str, float]:
    """Whether two sampled answers end with the same final answer."""
    first, second = (final_answer(sample.text) for sample in look.samples)
    return {"same answers": float(first is not None and first == second)}


def same_beginnings(look: Look) -> Mapping[str, float]:
    """Whether two sampled answers begin with the same tokens."""
    first, second = (sample.tokens[:SHORT] for sample in look.samples)
    return {"same beginnings": float(first == second)}


def together(*parts: Features) -> Features:
    """All features of several looks."""
    return lambda look: {name: value for part in parts for name, value in part(look).items()}


def hold(count: int) -> Count:
    """The answer's tokens, at most a number of them."""
    return lambda look: min(count, len(look.answered.logprobs))


def longest(look: Look) -> int:
    """Tokens until the answer and its samples are whole, if all are generated at the same time."""
    return max(len(look.answered.logprobs), *(len(sample.tokens) for sample in look.samples))


def sampled(look: Look) -> int:
    """Tokens of whole samples."""
    return sum(len(sample.tokens) for sample in look.samples)


def sampled_short(look: Look) -> int:
    """Tokens of samples that stop after SHORT tokens."""
    return sum(min(SHORT, len(sample.tokens)) for sample in look.samples)


def kinds() -> Iterator[Kind]:
    """All looks, the cheapest first."""
    own = prediction(load_artifact(OWN_ARTIFACT.read_bytes()))
    yield Kind(
        "shipped difficulty",
        prediction(shipped_quality(load_spec(PROJECT_ROOT / "examples" / "laptop.yaml"))),
        asks=False,
    )
    yield Kind("own prediction", own, asks=False)
    yield Kind("hidden state", hidden_state)
    yield Kind("hidden state, prediction", together(hidden_state, own))
    for count in HELD:
        yield Kind(f"{count} tokens", first_tokens(count), hold(count))
    yield Kind("8 tokens, prediction", together(first_tokens(8), own), hold(8))
    yield Kind("8 tokens, hidden state", together(first_tokens(8), hidden_state), hold(8))
    yield Kind("8 tokens, both", together(first_tokens(8), hidden_state, own), hold(8))
    yield Kind("two samples' 8 tokens", same_beginnings, hold(SHORT), sampled_short)
    yield Kind("8 tokens, two samples' 8", together(first_tokens(8), same_beginnings), hold(SHORT), sampled_short)
    yield Kind("two samples' answers", same_answers, longest, sampled)
