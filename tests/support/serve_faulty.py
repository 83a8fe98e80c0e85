"""`signalbox serve` as it is, but with the policy of `faulty_scaling` in the Serve config."""

from __future__ import annotations

import os
from pathlib import Path

from deployments import config
from signalbox.cli import app

if __name__ == "__main__":
    # Serve's controller imports the policy by its name.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    config.SCALING_POLICY = "faulty_scaling:FaultyScaling"
    app()
