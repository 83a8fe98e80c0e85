"""The room that runs: Ray Serve deployments, engines, the gateway and the fleet board."""
