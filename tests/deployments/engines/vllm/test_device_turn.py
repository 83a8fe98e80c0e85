"""Engines on one GPU start one after the other, and nobody else waits."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import subprocess
import sys

import pytest

from deployments.engines.vllm.device_turn import device_turn, lock_path

HOLDER = """
import asyncio
from deployments.engines.vllm.device_turn import device_turn

async def hold():
    async with device_turn(0.5):
        print("held", flush=True)
        await asyncio.sleep(3600)

asyncio.run(hold())
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")


async def started(gpu_fraction, log, name):
    async with device_turn(gpu_fraction):
        log.append(f"{name} begins")
        await asyncio.sleep(0)
        log.append(f"{name} ends")


@pytest.mark.parametrize(("gpu_fraction", "in_turns"), [(0.5, True), (1.0, False)])
def test_only_engines_that_share_a_gpu_take_turns(gpu_fraction, in_turns):
    seen = []

    async def both():
        await asyncio.gather(started(gpu_fraction, seen, "a"), started(gpu_fraction, seen, "b"))

    asyncio.run(both())
    assert ([line[2:] for line in seen] == ["begins", "ends"] * 2) == in_turns


def test_the_turn_of_a_killed_process_is_over():
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with lock_path().open("a") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.send_signal(signal.SIGKILL)
        seen = []
        asyncio.run(started(0.5, seen, "b"))
    assert seen == ["b begins", "b ends"]


def test_each_gpu_has_its_own_lock(monkeypatch):
    mine = lock_path()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4")
    assert lock_path() != mine
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "4")
    assert lock_path().name.endswith("gpu-4.lock")
