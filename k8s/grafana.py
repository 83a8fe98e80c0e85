"""Puts a fleet's datasource, folder and dashboards into a Grafana, so that a second push changes nothing.

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
"""Fields of a stored dashboard that Grafana counts by itself."""
HINTS = {
    401: "it does not know the token: write that of a service account",
    403: "the token may not do this: its service account needs the role Editor, and Admin to write a datasource",
    404: "is it a Grafana, and the whole path to it?",
    409: "something else has that name: rename it in Grafana, or the fleet in its spec",
    412: "somebody changed it meanwhile: push again",
}
"""What to do, by the status that Grafana answered with."""


class GrafanaRefused(Exception):
    """Grafana cannot be reached or refused; the message is one line that says what to do."""


@dataclass(frozen=True)
class Change:
    """What a push did to one thing."""

    kind: Literal["datasource", "folder", "dashboard"]
    name: str
    outcome: Outcome


class Grafana:
    """One Grafana and the right to change it."""

    def __init__(self, url: str, token: str) -> None:
        """Nothing is asked yet.

        Raises:
            GrafanaRefused: the URL or the token cannot be one.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaRefused(f"--url: found '{url}': write Grafana's address, such as http://127.0.0.1:3000")
        if not (token and token.isascii() and token.isprintable() and " " not in token):
            raise GrafanaRefused("--token: write the token of a Grafana service account, or set GRAFANA_TOKEN")
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
        """Create or update the fleet's folder and dashboards, and a datasource where a Prometheus is named.

        What is as it should be is left alone. What somebody changed by hand in these dashboards is undone.

        Raises:
            GrafanaRefused: Grafana cannot be reached, or refused.
        """
        changes = []
        if prometheus_url:
            changes.append(self._datasource(spec.name, prometheus_url))
        changes.append(self._folder(spec.name))
        return [*changes, *(self._dashboard(spec.name, each) for each in build(spec).values())]

    def _datasource(self, name: str, prometheus_url: str) -> Change:
        wanted = {"uid": name, "name": name, "type": "prometheus", "access": "proxy", "url": prometheus_url}
        path = f"/datasources/uid/{name}"
        there = self._find(lambda: self._face.api.GET(path))
        if there is None:
            self._ask(f"datasource {name}", lambda: self._face.datasource.create_datasource(wanted))
            return Change("datasource", name, "created")
        if wanted.items() <= there.items():
            return Change("datasource", name, "unchanged")
        self._ask(f"datasource {name}", lambda: self._face.api.PUT(path, json={**there, **wanted}))
        return Change("datasource", name, "updated")

    def _folder(self, name: str) -> Change:
        there = self._find(lambda: self._face.folder.get_folder(name))
        if there is None:
            self._ask(f"folder {name}", lambda: self._face.folder.create_folder(name, uid=name))
            return Change("folder", name, "created")
        if there.get("title") == name:
            return Change("folder", name, "unchanged")
        self._ask(f"folder {name}", lambda: self._face.folder.update_folder(name, name, overwrite=True))
        return Change("folder", name, "updated")

    def _dashboard(self, folder: str, wanted: dict[str, Any]) -> Change:
        title = wanted["title"]
        there = self._find(lambda: self._face.dashboard.get_dashboard(wanted["uid"]))
        if there is not None and _is_same(there, wanted, folder):
            return Change("dashboard", title, "unchanged")
        body = {"dashboard": wanted, "folderUid": folder, "message": "signalbox dashboards push", "overwrite": True}
        self._ask(f"dashboard {title}", lambda: self._face.dashboard.update_dashboard(body))
        return Change("dashboard", title, "created" if there is None else "updated")

    def _find(self, ask: Callable[[], Any]) -> dict[str, Any] | None:
        """What Grafana has; None where it says that there is no such thing."""
        try:
            return self._ask("", ask)
        except _NotThere:
            return None

    def _ask(self, what: str, ask: Callable[[], Any]) -> dict[str, Any]:
        """A JSON object from Grafana; `what` was to be written, empty where something is only looked for."""
        try:
            answer = ask()
        except GrafanaException as error:
            if error.status_code == 404 and not what and _says_not_found(error):
                raise _NotThere from error
            raise GrafanaRefused(self._in_words(what, error)) from error
        except requests.TooManyRedirects as error:
            raise GrafanaRefused(f"{self.url} sends to another address: write that one as --url") from error
        except requests.JSONDecodeError as error:
            raise GrafanaRefused(f"{self.url} did not answer with JSON: {HINTS[404]}") from error
        except requests.RequestException as error:
            raise GrafanaRefused(
                f"no answer from {self.url} ({type(error).__name__}): does Grafana run there?"
            ) from error
        if not isinstance(answer, dict):
            raise GrafanaRefused(f"{self.url} answered with something else than an object: {HINTS[404]}")
        return answer

    def _in_words(self, what: str, error: GrafanaException) -> str:
        said = error.response.get("message", "") if isinstance(error.response, dict) else ""
        hint = HINTS.get(error.status_code, "its log says why" if error.status_code >= 500 else "its answer says why")
        told = f" ({' '.join(str(said).split())[:200]})" if said else ""
        return f"{self.url} answered {error.status_code}{f' to {what}' if what else ''}{told}: {hint}"


class _NotThere(GrafanaRefused):
    """Grafana has no such thing."""


def _says_not_found(error: GrafanaException) -> bool:
    """Grafana's own 404 is an object with a message; a web server's is a page."""
    return isinstance(error.response, dict) and "message" in error.response


def _is_same(there: dict[str, Any], wanted: dict[str, Any], folder: str) -> bool:
    stored = {key: value for key, value in there.get("dashboard", {}).items() if key not in BY_GRAFANA}
    return stored == wanted and there.get("meta", {}).get("folderUid") == folder
