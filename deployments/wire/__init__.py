"""What crosses processes: requests, frames, answers, errors, start phases."""
