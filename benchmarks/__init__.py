"""Measurements of engines and of the demo fleet, behind `signalbox bench` and `python -m benchmarks.NAME`."""
