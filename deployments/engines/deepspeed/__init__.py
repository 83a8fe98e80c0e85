"""The DeepSpeed engine: ranks that run every step together."""
