"""Everything that runs offline: grade outcomes, fit the quality model, judge it."""
