"""The pure rooms stay pure, and the import contracts hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cluster.loading import PROJECT_ROOT


def test_the_pure_rooms_load_no_cluster_software():
    source = (
        "import sys, router.decide, router.requests, autoscaling, cluster.loading, cluster.memory\n"
        "heavy = {'ray', 'vllm', 'torch', 'transformers', 'starlette', 'httpx'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", source], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_import_contracts_hold():
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(linter)], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
