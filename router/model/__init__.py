"""The learned quality model and what it reads of a query."""
