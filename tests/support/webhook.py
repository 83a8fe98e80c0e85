"""A receiver for an Alertmanager's webhook."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook(ThreadingHTTPServer):
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.alerts: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where alerts are to be posted."""
        return f"http://127.0.0.1:{self.server_port}/alerts"

    def fired(self, name: str, since: datetime) -> dict[str, Any] | None:
        """An alert that began to fire after a moment; on a busy machine it may have been there before."""
        for alert in list(self.alerts):
            is_new = datetime.fromisoformat(alert["startsAt"]) > since
            if is_new and alert["status"] == "firing" and alert["labels"]["alertname"] == name:
                return alert
        return None


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.alerts += json.loads(self.rfile.read(int(self.headers["content-length"])))["alerts"]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Says nothing."""


@contextmanager
def listening() -> Iterator[Webhook]:
    """A webhook for as long as it is entered."""
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
