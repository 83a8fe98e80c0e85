"""The DeepSpeed engine: all ranks run every step together."""
