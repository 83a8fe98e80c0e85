"""The error that ends a request at the gateway."""

from __future__ import annotations

from deployments.wire.errors import error_body


class HttpError(Exception):
    """A request that ends with an error response."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = error_body(status, message, param=param, code=code)
