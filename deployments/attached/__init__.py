"""A fleet on a Ray cluster that runs already: its nodes, the code on them, and an end that leaves the cluster."""
