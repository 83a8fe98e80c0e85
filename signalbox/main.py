"""The program `signalbox`: what `signalbox.cli` does, with one line instead of a traceback for Ctrl-C at any moment."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ends, as shells have it: 128 + SIGINT."""


def main() -> None:
    """Run the command line. Importing it takes a second, in which somebody may press Ctrl-C."""
    try:
        from signalbox.cli import app

        app()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr, flush=True)
        # Not sys.exit: what a library runs at exit, or a thread that it left, could still print a traceback.
        os._exit(INTERRUPTED)
