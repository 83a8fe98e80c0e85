"""Whether a cheap answer is good enough to keep."""
