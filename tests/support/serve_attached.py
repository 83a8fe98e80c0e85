"""`signalbox serve` on a running cluster: `serve_attached.py ADDRESS`, then what `start_fleet` appends."""

import sys

from signalbox.main import main

address = sys.argv.pop(1)
sys.argv += ["--address", address]
main()
