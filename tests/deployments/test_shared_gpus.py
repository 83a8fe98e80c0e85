"""Replicas with shares of a GPU on a real Ray cluster, whose GPUs are pretended."""

from __future__ import annotations

import json
import subprocess
import sys

from cluster.loading import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "tests" / "support" / "shared_gpus.py"
SPEC = """
hardware:
  card: {device: RTX-4090, devices_per_node: 2}
pools:
  small: {tier: small, model: org/small, gpu_fraction: 0.4}
  large: {tier: large, model: org/large, gpu_fraction: 0.5}
"""


def test_ray_puts_shares_that_fit_on_one_gpu_and_others_on_the_next(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(SPEC)
    command = [sys.executable, str(SCRIPT), str(path), "small", "large", "large", "small"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, done.stdout[-2000:] + done.stderr[-4000:]
    seen = json.loads(lines[-1].removeprefix("RESULT "))
    assert set(seen) == {"0", "1"}
    assert seen[0] == seen[1] != seen[2] == seen[3]
