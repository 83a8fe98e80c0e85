"""The vLLM engine: vLLM's serving layer in the replica's process, with a tap on its outputs."""
