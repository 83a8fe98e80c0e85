"""How early one can see whether the small demo model's answer is good: `python -m benchmarks.look`."""
