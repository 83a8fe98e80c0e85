"""A hub over loopback: the part of the Hugging Face Hub's API through which files are downloaded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_secret"


class Hub(ThreadingHTTPServer):
    """Serves `files` by "ORGANISATION/NAME/FILE"; models in `gated` want TOKEN. `asked` holds (method, path)."""

    daemon_threads = True

    def __init__(self, files: dict[str, object], gated: tuple[str, ...] = ()) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {path: json.dumps(content).encode() for path, content in files.items()}
        self.gated = gated
        self.asked: list[tuple[str, str]] = []
        self.claimed_bytes: int | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        self.server.asked.append((self.command, self.path))
        model, _, name = self.path.lstrip("/").partition("/resolve/main/")
        known = {path.rpartition("/")[0] for path in self.server.files}
        if model in self.server.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(403, "GatedRepo")
        if model not in known:
            return self._refuse(401, "RepoNotFound")
        if (body := self.server.files.get(f"{model}/{name}")) is None:
            return self._refuse(404, "EntryNotFound")
        self.send_response(200)
        self.send_header("ETag", f'"{sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(self.server.claimed_bytes or len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *parts: object) -> None:
        """Nothing."""


@contextmanager
def serving(files: dict[str, object], gated: tuple[str, ...] = ()) -> Iterator[Hub]:
    """A hub that runs inside the block."""
    with Hub(files, gated) as hub:
        threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield hub
        finally:
            hub.shutdown()
