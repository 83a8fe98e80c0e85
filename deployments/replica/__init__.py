"""The process that hosts one engine: a Serve replica that reports to the fleet board."""
