"""The fleet on a virtual clock: public traces, an engine timing model, our router and autoscaling, and baselines."""
