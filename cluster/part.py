"""What all sections of the spec share: strict, immutable, and documented field by field."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class Part(BaseModel):
    """Base of every section: immutable; a key that is not a field is an error.

    Validation is strict, because YAML has its own types: `nodes: yes` or `nodes: "2"` is a typing error, not a number.
    Lists become tuples, the one conversion that fields allow.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
