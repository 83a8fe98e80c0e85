"""The process that faces clients: HTTP in, a routing decision, the pool's frames out."""
