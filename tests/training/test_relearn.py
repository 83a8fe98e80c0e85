"""What is learned from labels is taken only if labels that it has not seen show that it is better."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace

import pytest
from trained_router import ROUNDS

from router.labels import as_line, label_of
from router.model.artifact import load_artifact
from router.types import RoutingRequest
from training.fit import members
from training.relearn import OWNER_SHARE, Plan, read_labels, relearn, weighed

PLAN = Plan(cost_weight=0.2, prices={"small": 0.1, "large": 1.0})
WORDS = "the red house by a lake was sold to some friend who likes boats and rain in spring".split()
SENDS_ALL_UP = {"small": 0.1, "moe": 0.5, "large": 0.9}
SENDS_ALL_DOWN = {"small": 0.9, "moe": 0.9, "large": 0.9}


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(members, "ROUNDS_FEW", ROUNDS)


def labels(count, small, expected=SENDS_ALL_UP, seed=0, **more):
    """Comparisons in which the small tier is right as `small(number)` says."""
    draw = random.Random(seed)
    return [
        label_of(
            RoutingRequest(f"{' '.join(draw.choices(WORDS, k=draw.randint(5, 30)))} {number}?"),
            expected,
            {"small": float(small(number)), "large": 1.0},
            {},
            **{"at_s": float(number), "source": "comparison"} | more,
        )
        for number in range(count)
    ]


def test_a_small_model_that_is_enough_is_learned():
    verdict, candidate = relearn(labels(60, lambda number: True), PLAN)
    assert verdict.action == "take"
    assert verdict.gain == pytest.approx(0.18)  # the cost of large that is saved
    assert (verdict.labels, verdict.judged) == (60, 60)
    assert candidate is not None
    assert candidate.card["learned"] is True


def test_no_difference_is_no_reason_to_change():
    verdict, _ = relearn(labels(60, lambda number: True, SENDS_ALL_DOWN), PLAN)
    assert verdict.action == "keep"
    assert verdict.gain == 0


def test_noise_is_no_reason_to_change():
    """Whether small is right has nothing to do with the request: nothing can be learned but the mean."""
    draw = random.Random(5)
    verdict, _ = relearn(labels(80, lambda number: draw.random() < 0.82, SENDS_ALL_UP), PLAN)
    assert verdict.action == "keep"
    assert verdict.error > 0


def test_a_learned_model_that_got_worse_is_rolled_back():
    """The base knows which requests fail, and nothing in their words tells it."""
    told = []
    for each in labels(120, lambda number: random.Random(number).random() < 0.5):
        right = each.quality["small"]
        told.append(replace(each, expected={"small": right, "moe": right, "large": 1.0}))
    verdict, _ = relearn(told, PLAN)
    assert verdict.action == "roll back"
    assert "worse than the spec's own model" in verdict.why


@pytest.mark.parametrize("count", [0, 1, 20])
def test_too_few_labels_teach_nothing(count):
    verdict, candidate = relearn(labels(count, lambda number: True), PLAN)
    assert (verdict.action, candidate) == ("keep", None)
    assert "too few labels" in verdict.why


def test_nobody_teaches_the_router_alone():
    told = labels(60, lambda number: True)
    spam = labels(500, lambda number: False, source="feedback", owner="mallory", seed=1)
    spam = [replace(each, quality={"small": 0.0}, at_s=1_000.0 + place) for place, each in enumerate(spam)]
    kept = weighed([*told, *spam])
    assert sum(each.owner == "mallory" for each in kept) == int(OWNER_SHARE * 560)
    assert kept[-1].at_s == max(each.at_s for each in spam)  # the newest count


def test_a_poisoned_tenth_of_feedback_changes_nothing():
    told = labels(80, lambda number: True)
    poison = [
        replace(each, quality={"small": 0.0}, source="feedback", owner="mallory") for each in labels(8, bool, seed=9)
    ]
    (clean, _), (poisoned, _) = relearn(told, PLAN), relearn([*told, *poison], PLAN)
    assert clean.action == poisoned.action == "take"
    assert poisoned.gain == pytest.approx(clean.gain, abs=2 * max(poisoned.error, 0.01))


def test_the_command_writes_the_candidate_and_prints_the_verdict(tmp_path):
    lines = [json.dumps(as_line(each)) for each in labels(60, lambda number: True)]
    (tmp_path / "labels").write_text("\n".join([*lines, "{damaged", "[]"]))
    (tmp_path / "plan").write_text(json.dumps({"cost_weight": 0.2, "prices": {"small": 0.1, "large": 1.0}}))
    files = [str(tmp_path / name) for name in ("labels", "plan", "candidate")]
    done = subprocess.run(
        [sys.executable, "-m", "training.relearn", *files], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["action"] == "take"
    assert load_artifact((tmp_path / "candidate").read_bytes()).card["learned"] is True


def test_damaged_lines_are_left_out():
    (one,) = labels(1, lambda number: True)
    assert len(read_labels("\n".join([json.dumps(as_line(one)), "", "{", "[1]", "null"]))) == 1
