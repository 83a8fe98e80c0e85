"""Nouns of a Signalbox fleet: the typed spec, fleet state, memory arithmetic. No Ray, no clock, no I/O but YAML."""
