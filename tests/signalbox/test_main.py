"""The program: Ctrl-C at any moment ends it with one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

INTERRUPTED_IMPORT = """
import sys, types
class Interrupts(types.ModuleType):
    def __getattr__(self, name):
        raise KeyboardInterrupt
sys.modules["signalbox.cli"] = Interrupts("signalbox.cli")
from signalbox.main import main
main()
"""
INTERRUPTED_COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
from signalbox.commands import status
status.get_json = lambda *_: signal.raise_signal(signal.SIGINT)
from signalbox.main import main
sys.argv = ["signalbox", "status"]
main()
"""


@pytest.mark.parametrize("code", [INTERRUPTED_IMPORT, INTERRUPTED_COMMAND])
def test_ctrl_c_is_no_traceback(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 130
    assert done.stderr in ("interrupted\n", "")
