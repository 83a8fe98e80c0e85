"""`signalbox models`: the model names of a running fleet."""

from __future__ import annotations

from signalbox.client import DEFAULT_URL, EndpointError, get_json
from signalbox.console import FAILED, UrlOption, exit_on, out
from signalbox.tables.fleet import models_table


def models(url: UrlOption = DEFAULT_URL) -> None:
    """List the names that a request can put into `model`."""
    with exit_on(EndpointError, status=FAILED):
        out.print(models_table(get_json(url, "/v1/models")))
