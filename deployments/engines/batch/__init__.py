"""A batching server for engines without a serving layer: OpenAI bodies in, lockstep steps out."""
