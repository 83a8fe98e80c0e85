"""Pushes a fleet's datasource, folder and dashboards to a Grafana. A second push changes nothing.

Grafana's HTTP API: https://grafana.com/docs/grafana/latest/developers/http_api/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace

from cluster.spec import FleetSpec
from k8s.dashboards import build

Outcome = Literal["created", "updated", "unchanged"]
TIMEOUT_S = 15.0
BY_GRAFANA = ("id", "version")
"""Fields of a stored dashboard that Grafana assigns."""
HINTS = {
    401: "it does not know the token, use one of a service account",
    403: "the token lacks permission: its service account needs the role Editor, or Admin to change a datasource",
    404: "check that the URL is a Grafana's, with its full path",
    409: "something else has this name: rename it in Grafana, or rename the fleet in its spec",
    412: "it was changed in the meantime: push again",
}
"""What to do, by the HTTP status of Grafana's response."""


class GrafanaRefused(Exception):
    """Grafana is unreachable or rejected a request. The message is one line that tells what to do."""


@dataclass(frozen=True)
class Change:
    """What a push did to one object."""

    kind: Literal["datasource", "folder", "dashboard"]
    name: str
    outcome: Outcome


class Grafana:
    """A Grafana server, with a token that may change it."""

    def __init__(self, url: str, token: str) -> None:
        """Prepare the connection. This sends no request.

        Raises:
            GrafanaRefused: the URL or the token is malformed.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaRefused(f"--url: invalid value '{url}', use Grafana's address such as http://127.0.0.1:3000")
        if not (token and token.isascii() and token.isprintable() and " " not in token):
            raise GrafanaRefused("--token: use the token of a Grafana service account, or set GRAFANA_TOKEN")
        prefix = parts.path.strip("/")
        self.url = url
        self._face = GrafanaFace(
            auth=token,
            host=parts.netloc.rpartition("@")[2],
            protocol=parts.scheme,
            url_path_prefix=f"{prefix}/" if prefix else "",
            timeout=TIMEOUT_S,
        )
        self._face.api.s.max_redirects = 0  # following one would turn a POST into a GET

    def push(self, spec: FleetSpec, prometheus_url: str | None = None) -> list[Change]:
        """Create or update the fleet's folder and dashboards, and a datasource if `prometheus_url` is given.

        Objects that are up to date stay untouched. Manual changes in these dashboards are overwritten.

        Raises:
            GrafanaRefused: Grafana is unreachable or rejected a request.
        """
        changes = []
        if prometheus_url:
            changes.append(self._datasource(spec.name, prometheus_url))
        changes.append(self._folder(spec.name))
        return [*changes, *(self._dashboard(spec.name, each) for each in build(spec).values())]

    def _datasource(self, name: str, prometheus_url: str) -> Change:
        wanted = {"uid": name, "name": name, "type": "prometheus", "access": "proxy", "url": prometheus_url}
        path = f"/datasources/uid/{name}"
        stored = self._find(lambda: self._face.api.GET(path))
        if stored is None:
            self._call(f"datasource {name}", lambda: self._face.datasource.create_datasource(wanted))
            return Change("datasource", name, "created")
        if wanted.items() <= stored.items():
            return Change("datasource", name, "unchanged")
        self._call(f"datasource {name}", lambda: self._face.api.PUT(path, json={**stored, **wanted}))
        return Change("datasource", name, "updated")

    def _folder(self, name: str) -> Change:
        stored = self._find(lambda: self._face.folder.get_folder(name))
        if stored is None:
            self._call(f"folder {name}", lambda: self._face.folder.create_folder(name, uid=name))
            return Change("folder", name, "created")
        if stored.get("title") == name:
            return Change("folder", name, "unchanged")
        self._call(f"folder {name}", lambda: self._face.folder.update_folder(name, name, overwrite=True))
        return Change("folder", name, "updated")

    def _dashboard(self, folder: str, wanted: dict[str, Any]) -> Change:
        title = wanted["title"]
        stored = self._find(lambda: self._face.dashboard.get_dashboard(wanted["uid"]))
        if stored is not None and _is_same(stored, wanted, folder):
            return Change("dashboard", title, "unchanged")
        body = {"dashboard": wanted, "folderUid": folder, "message": "signalbox dashboards push", "overwrite": True}
        self._call(f"dashboard {title}", lambda: self._face.dashboard.update_dashboard(body))
        return Change("dashboard", title, "created" if stored is None else "updated")

    def _find(self, request: Callable[[], Any]) -> dict[str, Any] | None:
        """The stored object; None if Grafana has none."""
        try:
            return self._call("", request)
        except _NotFound:
            return None

    def _call(self, target: str, request: Callable[[], Any]) -> dict[str, Any]:
        """A JSON object from Grafana. `target` names what the request writes; it is empty for a lookup."""
        try:
            response = request()
        except GrafanaException as error:
            if error.status_code == 404 and not target and _is_not_found(error):
                raise _NotFound from error
            raise GrafanaRefused(self._explain(target, error)) from error
        except requests.TooManyRedirects as error:
            raise GrafanaRefused(f"{self.url} redirects to another address, use that one for --url") from error
        except requests.JSONDecodeError as error:
            raise GrafanaRefused(f"{self.url} did not return JSON: {HINTS[404]}") from error
        except requests.RequestException as error:
            raise GrafanaRefused(
                f"no response from {self.url} ({type(error).__name__}): check that Grafana runs there"
            ) from error
        if not isinstance(response, dict):
            raise GrafanaRefused(f"{self.url} did not return a JSON object: {HINTS[404]}")
        return response

    def _explain(self, target: str, error: GrafanaException) -> str:
        message = error.response.get("message", "") if isinstance(error.response, dict) else ""
        default = "see its log" if error.status_code >= 500 else "see its response"
        detail = f" ({' '.join(str(message).split())[:200]})" if message else ""
        action = f" when writing {target}" if target else ""
        return f"{self.url} returned {error.status_code}{action}{detail}: {HINTS.get(error.status_code, default)}"


class _NotFound(GrafanaRefused):
    """Grafana does not have the object."""


def _is_not_found(error: GrafanaException) -> bool:
    """Whether a 404 is Grafana's own: an object with a message. A web server's 404 is a page."""
    return isinstance(error.response, dict) and "message" in error.response


def _is_same(stored: dict[str, Any], wanted: dict[str, Any], folder: str) -> bool:
    content = {key: value for key, value in stored.get("dashboard", {}).items() if key not in BY_GRAFANA}
    return content == wanted and stored.get("meta", {}).get("folderUid") == folder
