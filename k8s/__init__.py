"""Reserved room; see docs/architecture.md."""
