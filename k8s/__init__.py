"""Manifests, alert rules and dashboards rendered from a fleet spec, and checks of the rendered manifests."""
