"""The gateway in one process, without Ray, for whoever changes it (`make dev`).

The engines are simulated, the scaling is scripted, and `/metrics` fails because it needs Ray. The rest is what serves a
real fleet.
"""
