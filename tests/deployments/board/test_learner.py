"""The learner trains beside the board, follows verdicts, and never replaces what a person put in use."""

from __future__ import annotations

import json
import sys
import time

import pytest

from deployments.board import learner as module
from deployments.board.artifacts import ArtifactStore
from deployments.board.learner import LEAST_LABELS, Learner
from deployments.board.records import LearnPlan
from router.confidence.calibration import LEAST_LABELS as LABELS_OF_A_CURVE

PLAN = {"keep_labels": 1_000, "keep_s": 1e9, "frozen": False, "cost_weight": 0.2, "prices": {"small": 0.1, "large": 1}}


def verdict(action):
    return {"action": action, "labels": 30, "judged": 30, "gain": 0.1, "error": 0.01, "why": "as the test says"}


@pytest.fixture
def play(monkeypatch):
    """Replace training by a program that gives a verdict, or fails."""

    def play(said, candidate=b"candidate", status=0):
        code = (
            f"import sys, pathlib; pathlib.Path(sys.argv[3]).write_bytes({candidate!r}); "
            f"print({json.dumps(said)!r}); sys.exit({status})"
        )
        monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", code))

    return play


@pytest.fixture
def make(tmp_path):
    def make(**changes):
        artifacts = ArtifactStore(tmp_path / "router")
        made = Learner(tmp_path / "labels", LearnPlan(**PLAN | changes), artifacts)
        made.artifacts = artifacts
        return made

    return make


def lines(count):
    return [{"at_s": float(number), "source": "comparison"} for number in range(count)]


def learn(learner, count=LEAST_LABELS):
    """Give labels, and wait for the verdict on them."""
    learner.add(lines(count), 100.0)
    learner.step(100.0)
    deadline = time.monotonic() + 60
    while learner.state().running:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        learner.step(101.0)
    return learner.state()


def test_a_better_candidate_decides_from_now_on(make, play):
    play(verdict("take"))
    learner = make()
    state = learn(learner)
    version = learner.artifacts.state().version
    assert version is not None
    assert (state.version, state.verdict["action"], state.verdict_at_s) == (version, "take", 101.0)
    assert learner.artifacts.read(version) == b"candidate"
    again = make()  # after a restart
    assert again.state().version == version
    assert again.state().verdict["why"] == "as the test says"


@pytest.mark.parametrize("action", ["keep", "roll back"])
def test_another_verdict_changes_nothing_where_the_spec_decides(make, play, action):
    play(verdict(action))
    learner = make()
    assert learn(learner).verdict["action"] == action
    assert learner.artifacts.state().version is None


def test_what_was_learned_is_rolled_back_to_the_spec(make, play):
    learner = make()
    for number in (1, 2):
        play(verdict("take"), candidate=b"%d" % number)
        learn(learner)
    assert learner.artifacts.state().previous
    play(verdict("roll back"))
    assert learn(learner).version is None
    assert learner.artifacts.state().version is None


def test_what_a_person_put_in_use_stays(make, play):
    play(verdict("take"))
    learner = make()
    learner.artifacts.use(b"by hand", 50.0)
    state = learn(learner)
    assert state.verdict is None
    assert "was put in use by hand: roll it back to let the fleet learn" in state.problem
    assert learner.artifacts.read(learner.artifacts.state().version) == b"by hand"


def test_a_frozen_fleet_only_collects(make, play):
    play(verdict("take"))
    state = learn(make(frozen=True))
    assert (state.frozen, state.verdict, state.labels) == (True, None, {"comparison": LEAST_LABELS})


def judged(count, good):
    graded = {"pool": "small", "confidence": 0.8, "good": good}
    return [line | {"judged": graded} for line in lines(count)]


def test_labels_calibrate_the_confidence_also_after_a_restart(make):
    learner = make(keep_s=1e12)
    learner.add(judged(LABELS_OF_A_CURVE - 1, 0.0), 100.0)
    assert learner.state().confidence == {}
    learner.add([*judged(1, 0.0), *lines(3)], 100.0)
    for each in (learner, make(keep_s=1e12)):
        curve = each.state().confidence["small"]
        assert curve.labels == LABELS_OF_A_CURVE
        assert curve.at(0.8) < 0.2


def test_a_damaged_confidence_does_not_count_and_a_frozen_fleet_does_not_calibrate(make):
    learner = make()
    learner.add([*judged(LABELS_OF_A_CURVE, 1.0), lines(1)[0] | {"judged": {"pool": "small"}}], 100.0)
    assert learner.state().confidence["small"].labels == LABELS_OF_A_CURVE
    assert make(keep_s=1e12, frozen=True).state().confidence == {}


def test_the_next_candidate_waits_for_a_quarter_more_labels(make, play):
    play(verdict("keep"))
    learner = make()
    learn(learner, 200)
    play(verdict("take"))
    assert learn(learner, 49).verdict["action"] == "keep"
    assert learn(learner, 1).verdict["action"] == "take"


@pytest.mark.parametrize(
    ("said", "status", "problem"), [("no verdict", 0, "followed"), ({}, 0, "followed"), ({}, 3, "status 3")]
)
def test_a_failure_is_said_and_changes_nothing(make, play, said, status, problem):
    play(said, status=status)
    learner = make()
    state = learn(learner)
    assert problem in state.problem
    assert learner.artifacts.state().version is None
    play(verdict("take"))
    assert learn(learner).problem is None


def test_a_candidate_that_takes_too_long_is_ended(make, monkeypatch):
    monkeypatch.setattr(module, "COMMAND", (sys.executable, "-c", "import time; time.sleep(600)"))
    learner = make()
    learner.add(lines(LEAST_LABELS), 100.0)
    learner.step(100.0)
    assert learner.state().running
    learner.step(100.0 + module.TIME_LIMIT_S + 1)
    assert not learner.state().running
    assert "could not be trained" in learner.state().problem


def test_a_damaged_memory_is_started_anew(make, tmp_path, play):
    play(verdict("take"))
    learn(make())
    (tmp_path / "labels" / "learner.json").write_text("{")
    assert make().state().verdict is None
