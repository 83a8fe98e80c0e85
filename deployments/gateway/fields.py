"""Read small JSON bodies as typed fields, with a 400 for the first invalid field."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from deployments.gateway.errors import HttpError

Fields = TypeVar("Fields", bound=BaseModel)


def read_fields(model: type[Fields], body: dict[str, Any]) -> Fields:
    """Return a checked body.

    Raises:
        HttpError: 400 that names the field and the known fields.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        known = ", ".join(model.model_fields)
        raise HttpError(400, f"{field}: {problem['msg']}; known fields: {known}.", param=field) from error
