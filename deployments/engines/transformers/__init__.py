"""The transformers engine: one process, step by step."""
