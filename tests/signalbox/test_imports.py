"""What the command line imports before a command runs."""

from __future__ import annotations

import subprocess
import sys


def test_no_command_imports_ray_with_its_module() -> None:
    """`signalbox serve` sets variables that Ray reads when it is imported; it would start a cluster it cannot reach."""
    code = "import sys, signalbox.cli; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
