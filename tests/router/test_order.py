"""The shipped quality model on prompts that it was not trained on: easy before hard, as a person would call them.

The sets in `sets/` were written and labelled before the router was run on them (sets/README.md).
The limits are a little below what the score reached when it was trained.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from statistics import mean

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.pool import TIERS
from router.decide import Router
from router.loading import load_quality
from router.requests import from_chat
from router.types import RoutingDecision

SETS = Path(__file__).parent / "sets"
Messages = list[dict[str, str]]


@cache
def router() -> Router:
    spec = load_spec(PROJECT_ROOT / "examples" / "h100.yaml")
    return Router(spec, load_quality(spec))


def decide(messages: Messages, **body: object) -> RoutingDecision:
    return router().decide(from_chat({"model": "auto", "messages": messages, **body}), None, 0.0)


def ask(text: str) -> RoutingDecision:
    return decide([{"role": "user", "content": text}])


def rows(name: str) -> Iterator[list[str]]:
    with (SETS / f"{name}.tsv").open(newline="") as lines:
        for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield [field.replace("\\n", "\n") for field in row]


def tier(decision: RoutingDecision) -> int:
    return TIERS.index(decision.tier)


def order(name: str, of: Callable[[RoutingDecision], float]) -> dict[str, float]:
    """P(the hard prompt of a pair has more) by kind; ties count half."""
    found = defaultdict(list)
    for kind, easy, hard in rows(name):
        low, high = of(ask(easy)), of(ask(hard))
        found[kind].append((high > low) + (high == low) / 2)
    return {kind: mean(wins) for kind, wins in found.items()}


@pytest.mark.parametrize(("name", "least_mean", "least"), [("order", 0.92, 0.75), ("languages", 0.88, 0.80)])
def test_the_score_puts_easy_before_hard(name, least_mean, least):
    found = order(name, lambda decision: decision.score)
    assert mean(found.values()) >= least_mean, found
    assert min(found.values()) >= least, found


@pytest.mark.parametrize(("name", "least"), [("order", 0.90), ("languages", 0.80)])
def test_the_tier_that_is_picked_follows(name, least):
    found = order(name, tier)
    assert mean(found.values()) >= least, found


def test_everyday_prompts_go_where_a_person_would_send_them():
    seen = Counter()
    for label, text in rows("everyday"):
        picked = ask(text).tier
        seen["agrees"] += picked in label.split("|")
        seen["gross"] += {label, picked} == {"small", "large"}
        seen["all"] += 1
    assert seen["agrees"] / seen["all"] >= 0.78, seen
    assert seen["gross"] / seen["all"] <= 0.03, seen


CONTEXT = (
    "The ferry leaves the northern pier twice a day in winter. Tickets are sold in the blue kiosk next to the market. "
    "Bicycles travel free on weekdays, dogs need a lead, and the upper deck is closed when the wind is strong. "
)
CHANGES: dict[str, Callable[[str], Messages]] = {
    "task in the system prompt": lambda text: [
        {"role": "system", "content": text},
        {"role": "user", "content": "Go."},
    ],
    "a persona": lambda text: [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": text},
    ],
    "go on": lambda text: [
        {"role": "user", "content": text},
        {"role": "assistant", "content": "Here is the first part."},
        {"role": "user", "content": "ok continue"},
    ],
    "a reminder": lambda text: [
        {"role": "user", "content": text},
        {"role": "assistant", "content": "Which format do you want?"},
        {"role": "user", "content": "Please answer in JSON."},
    ],
    "context before": lambda text: [{"role": "user", "content": f"Context:\n{CONTEXT * 20}\n\n{text}"}],
    "much context before": lambda text: [{"role": "user", "content": f"Context:\n{CONTEXT * 200}\n\n{text}"}],
    "a heading": lambda text: [{"role": "user", "content": f"## Question\n\n{text}"}],
    "a frame": lambda text: [{"role": "user", "content": f"Hi! Could you please help me with this? {text} Thanks!"}],
    "white space": lambda text: [{"role": "user", "content": f"\n\n  {text}  \n\n"}],
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_stands_around_a_task_does_not_change_the_decision(change):
    same = []
    for label, text in rows("base"):
        before, after = tier(ask(text)), tier(decide(CHANGES[change](text)))
        same.append(after == before or (after > before) == (label == "hard"))
    assert mean(same) >= 0.95, change
