"""What a vLLM rank measures of its start, on a worker that only lets time pass."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from deployments.engines.vllm.ranks import ReportingRank
from deployments.wire import start_phases

NOW_S = [0.0]


class Worker:
    """Takes 1 s to load, 8 s for the dummy run (5 s of it compiles), 2 s for the cache and 4 s to capture."""

    rank = 0

    def __init__(self):
        config = SimpleNamespace(compilation_time=0.0, encoder_compilation_time=0.0)
        self.vllm_config = SimpleNamespace(compilation_config=config)

    def load_model(self, *, load_dummy_weights=False):
        NOW_S[0] += 1
        return load_dummy_weights

    def determine_available_memory(self):
        NOW_S[0] += 8
        self.vllm_config.compilation_config.compilation_time += 5
        return 17

    def initialize_from_config(self, kv_cache_config):
        NOW_S[0] += 2

    def compile_or_warm_up_model(self):
        NOW_S[0] += 4
        return "times"


class Rank(ReportingRank, Worker):
    """As deployments.engines.vllm.cpu_rank makes one."""


@pytest.fixture
def rank(monkeypatch):
    monkeypatch.setattr(start_phases.time, "perf_counter", lambda: NOW_S[0])
    return Rank()


def test_each_step_is_a_phase_and_compilation_one_of_its_own(rank):
    assert rank.load_model(load_dummy_weights=True) is True
    assert rank.determine_available_memory() == 17
    rank.initialize_from_config(None)
    assert rank.compile_or_warm_up_model() == "times"
    assert rank.start_clock.seconds == {"load": 1, "kv_cache": 3 + 2, "compile": 5, "capture": 4}


def test_a_worker_that_does_not_say_how_long_it_compiled_names_its_dummy_run(rank, monkeypatch):
    monkeypatch.setattr(Rank, "dummy_run_phase", lambda self: "compile")
    rank.determine_available_memory()
    assert rank.start_clock.seconds == {"compile": 8}
