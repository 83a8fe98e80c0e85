"""A fleet on this machine: its Ray nodes, its Prometheus, and their end."""
