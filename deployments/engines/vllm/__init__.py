"""The vLLM engine: vLLM's own serving layer in process, with a tap on its outputs."""
