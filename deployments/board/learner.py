"""Learns from the fleet's labels in a separate process, and says which artifact should decide.

The router changes only on a verdict of `training.relearn`. What a person put in use is never replaced.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deployments.board.artifacts import ArtifactStore
from deployments.board.durable_files import replace_file
from deployments.board.labels import LabelStore
from deployments.board.messages import LearningState
from deployments.board.records import LearnPlan
from router.confidence.calibration import Curve, Graded, curves
from router.labels import graded

LEAST_LABELS = 25
"""With fewer, `training.relearn` would refuse."""
GROWTH = 0.25
"""Labels that have to come before the next candidate, as a share of those of the last one."""
TIME_LIMIT_S = 600.0
"""For one candidate; it takes seconds."""
COMMAND = ("nice", "-n", "10", sys.executable, "-m", "training.relearn")

log = logging.getLogger("signalbox.learner")


class Learner:
    """Owns the folder `labels` of the fleet's state."""

    def __init__(self, folder: Path, plan: LearnPlan, artifacts: ArtifactStore) -> None:
        self._folder = folder
        self._plan = plan
        self._artifacts = artifacts
        self._labels = LabelStore(folder / "labels.jsonl", plan.keep_labels, plan.keep_s)
        self._process: subprocess.Popen[bytes] | None = None
        self._began_s = 0.0
        self._new = len(self._labels)
        """Labels that came since the last candidate."""
        self._used = 0
        """Labels of the last candidate."""
        saved = self._load()
        self._versions: list[str] = saved["versions"]
        """Artifacts that were learned, the newest last."""
        self._verdict: Mapping[str, Any] | None = saved["verdict"]
        self._verdict_at_s: float | None = saved["verdict_at_s"]
        self._problem: str | None = None
        self._confidence: Mapping[str, Curve] = {}
        self._calibrate(time.time())

    def add(self, lines: Iterable[Mapping[str, Any]], now_s: float) -> None:
        """Keep new labels."""
        new = list(lines)
        try:
            self._new += self._labels.add(new, now_s)
        except OSError as error:
            log.error("labels cannot be stored: %s", error)
        if any(line.get("judged") for line in new):
            self._calibrate(now_s)

    def state(self) -> LearningState:
        """What the fleet has learned."""
        in_use = self._artifacts.state().version
        return LearningState(
            labels=self._labels.counts(),
            frozen=self._plan.frozen,
            running=self._process is not None,
            version=in_use if in_use in self._versions else None,
            verdict=self._verdict,
            verdict_at_s=self._verdict_at_s,
            problem=self._problem or self._given(),
            confidence=self._confidence,
        )

    def step(self, now_s: float) -> None:
        """Begin a candidate if there are enough new labels, or follow the verdict on it. Returns at once."""
        if self._process is not None:
            self._watch(now_s)
        elif self._is_due() and not self._plan.frozen and self._given() is None:
            self._begin(now_s)

    def _calibrate(self, now_s: float) -> None:
        if not self._plan.frozen:
            self._confidence = curves(_graded(self._labels.counting(now_s)))

    def _given(self) -> str | None:
        """Why an artifact of somebody else stays in use."""
        version = self._artifacts.state().version
        if version is None or version in self._versions:
            return None
        return f"artifact {version} was put in use by hand: roll it back to let the fleet learn"

    def _is_due(self) -> bool:
        return self._new >= max(LEAST_LABELS, GROWTH * self._used)

    def _begin(self, now_s: float) -> None:
        self._used, self._new, self._began_s = len(self._labels), 0, now_s
        plan = {"cost_weight": self._plan.cost_weight, "prices": dict(self._plan.prices)}
        try:
            self._labels.write(self._file("snapshot.jsonl"), now_s)
            self._file("plan.json").write_text(json.dumps(plan))
            self._file("candidate.npz").unlink(missing_ok=True)
            files = [str(self._file(name)) for name in ("snapshot.jsonl", "plan.json", "candidate.npz")]
            with self._file("verdict.json").open("wb") as out, self._file("relearn.log").open("wb") as errors:
                self._process = subprocess.Popen([*COMMAND, *files], stdout=out, stderr=errors)
        except OSError as error:
            self._fail(f"a candidate could not be started: {error}")

    def _watch(self, now_s: float) -> None:
        assert self._process is not None
        status = self._process.poll()
        if status is None and now_s - self._began_s > TIME_LIMIT_S:
            self._process.kill()
            status = self._process.wait()
        if status is None:
            return
        self._process = None
        if status != 0:
            self._fail(f"a candidate could not be trained (status {status}): see {self._file('relearn.log')}")
            return
        try:
            self._follow(json.loads(self._file("verdict.json").read_text()), now_s)
        except (OSError, ValueError, LookupError, TypeError) as error:
            self._fail(f"the verdict on a candidate could not be followed: {error}")

    def _follow(self, verdict: Mapping[str, Any], now_s: float) -> None:
        action = verdict["action"]
        log.warning("learning: %s (%s)", action, verdict["why"])
        if self._given() is None:  # somebody may have put an artifact in use meanwhile
            if action == "take":
                self._artifacts.use(self._file("candidate.npz").read_bytes(), now_s)
                self._versions = [*self._versions, str(self._artifacts.state().version)]
            while action == "roll back" and self._artifacts.state().version in self._versions:
                self._artifacts.roll_back(now_s)
        self._verdict, self._verdict_at_s, self._problem = verdict, now_s, None
        self._save()

    def _fail(self, problem: str) -> None:
        self._problem = problem
        log.error("learning: %s", problem)

    # -- on disk ---------------------------------------------------------------------------------------------

    def _file(self, name: str) -> Path:
        return self._folder / name

    def _save(self) -> None:
        kept = {each.version for each in self._artifacts.state().previous} | {self._artifacts.state().version}
        self._versions = [version for version in self._versions if version in kept]
        saved = {"versions": self._versions, "verdict": self._verdict, "verdict_at_s": self._verdict_at_s}
        replace_file(self._file("learner.json"), json.dumps(saved).encode())

    def _load(self) -> dict[str, Any]:
        nothing: dict[str, Any] = {"versions": [], "verdict": None, "verdict_at_s": None}
        try:
            saved = json.loads(self._file("learner.json").read_bytes())
            return {name: saved[name] for name in nothing} | {"versions": [str(v) for v in saved["versions"]]}
        except FileNotFoundError:
            return nothing
        except (OSError, ValueError, LookupError, TypeError) as error:
            log.error("%s cannot be used: %s", self._file("learner.json"), error)
            return nothing


def _graded(lines: Iterable[Mapping[str, Any]]) -> Iterator[Graded]:
    """The answers of known confidence; damaged lines are left out."""
    for line in lines:
        try:
            found = graded(line)
        except (ValueError, LookupError, TypeError):
            continue
        if found is not None:
            yield found
