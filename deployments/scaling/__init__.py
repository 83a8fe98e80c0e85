"""The adapter between `autoscaling.Planner` and the Serve controller."""
