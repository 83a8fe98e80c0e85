"""Pure scaling: signals in, desired replicas with a reason out."""
