"""Third-party programs that some commands and tests start: Prometheus, Alertmanager, Chromium, kubectl."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

UNPACKED = Path(sys.prefix) / "tools" / "bin"
"""Where `tools.sh` unpacks them: inside the Python environment that runs this."""


def find(program: str) -> Path | None:
    """Path of a program, from what `tools.sh` unpacked or from PATH; None if neither has it."""
    found = shutil.which(program, path=os.pathsep.join([str(UNPACKED), os.environ.get("PATH", os.defpath)]))
    return Path(found) if found else None
