"""Errors over HTTP: the exception that ends a request with an error body, and the mapping of the router's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deployments.wire.errors import error_body
from router.types import BadRequest, NoPool, NoPoolKind

NO_POOL: dict[NoPoolKind, tuple[int, str]] = {
    "unknown_model": (404, "model_not_found"),
    "unready": (503, "no_ready_pool"),
    "context": (400, "context_length_exceeded"),
    "capability": (400, "unsupported_capability"),
}
"""HTTP status and error code by the reason why no pool may answer."""


class HttpError(Exception):
    """Ends a request with an error response."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = error_body(status, message, param=param, code=code)


@contextmanager
def router_errors() -> Iterator[None]:
    """Turn the router's errors into HTTP errors.

    Raises:
        HttpError: 400 for an invalid request; as in NO_POOL if no pool may answer.
    """
    try:
        yield
    except BadRequest as error:
        raise HttpError(400, error.message, param=error.param) from error
    except NoPool as error:
        status, code = NO_POOL[error.kind]
        raise HttpError(status, error.message, param=error.param, code=code) from error
