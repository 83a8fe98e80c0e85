"""`make dev`: the gateway with simulated engines under uvicorn, which restarts it whenever a source file changes."""

from __future__ import annotations

import argparse

import uvicorn

from cluster.loading import PROJECT_ROOT

RELOADED = ("cluster", "router", "autoscaling", "deployments")


def main() -> None:
    """Serve on loopback until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make dev", description="The gateway with simulated engines, without Ray.")
    parser.add_argument("--port", type=int, default=8000, help="0: any free port")
    port = parser.parse_args().port
    uvicorn.run(
        "deployments.dev.fleet:make_app",
        factory=True,
        port=port,
        ws="none",
        reload=True,
        reload_dirs=[str(PROJECT_ROOT / room) for room in RELOADED],
        reload_includes=["*.py", "*.html", "*.css", "*.js", "*.svg"],
        access_log=False,
    )


if __name__ == "__main__":
    main()
