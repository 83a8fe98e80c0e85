"""Evaluate routers on outcome files, with baselines and intervals."""
