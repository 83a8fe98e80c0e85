"""Batching and the OpenAI API for engines without a serving layer; all ranks execute the same steps."""
