"""Ends a local fleet whose `signalbox serve` was killed: `python -m deployments.local.reaper TEMP_DIR`.

Ray's own reaper ends the nodes then, but agents linger for a minute, and HAProxy belongs to an actor that had no time
to stop it. This process holds the read end of a pipe from `serve`: when that closes, `serve` is gone.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import psutil

ROUNDS = 20
ROUND_S = 0.5


def fleet_processes(temp_dir: Path) -> list[psutil.Process]:
    """Processes of the fleet: all inherited its own temp folder in their environment."""
    return [process for process in psutil.process_iter() if _temp_dir_of(process) == str(temp_dir)]


def _temp_dir_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("RAY_TMPDIR")
    except psutil.Error:
        return None


def end_fleet(temp_dir: Path) -> None:
    """Kill the fleet's processes; repeat while one of them could have started another."""
    for _ in range(ROUNDS):
        processes = fleet_processes(temp_dir)
        for process in processes:
            process.kill()
        if not processes:
            return
        time.sleep(ROUND_S)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.stdin.read()
    end_fleet(folder)
    shutil.rmtree(folder, ignore_errors=True)
