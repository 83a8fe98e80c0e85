"""What crosses processes: requests, frames, errors, start phases."""
