"""The error for a spec that cannot be rendered."""

from __future__ import annotations

from collections.abc import Mapping


class RenderError(Exception):
    """The spec cannot be deployed on Kubernetes. The message has one line per problem."""

    def __init__(self, by_field: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{field}: {text}" for field, text in by_field.items()))
