"""What runs offline: collect and grade outcomes, fit the quality model, evaluate it."""
