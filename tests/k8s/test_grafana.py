"""Pushing to a stand-in for Grafana's HTTP API, with its published paths, bodies and statuses
(https://grafana.com/docs/grafana/latest/developers/http_api/: dashboard, folder, data_source)."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from cluster.loading import PROJECT_ROOT, load_spec
from k8s import dashboards
from k8s.grafana import Grafana, GrafanaRefused
from signalbox.cli import app

LAPTOP = PROJECT_ROOT / "examples" / "laptop.yaml"
TOKEN = "glsa_test"
PROMETHEUS = "http://127.0.0.1:9090"
BOARDS = 6


class Store:
    """What the stand-in keeps, and how it is to misbehave."""

    def __init__(self):
        self.datasources, self.folders, self.dashboards = {}, {}, {}
        self.writes = []
        self.failing = None
        """(method, start of path, status, body) of requests that fail."""


class Handler(BaseHTTPRequestHandler):
    def do(self):
        store, path = self.server.store, self.path.removeprefix(self.server.prefix)
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"message": "Invalid API key"})
        if store.failing and self.command == store.failing[0] and path.startswith(store.failing[1]):
            return self.answer(*store.failing[2:])
        if self.command != "GET":
            store.writes.append((self.command, path))
        return self.answer(*self.act(store, self.command, path.split("/")[2:], body))

    do_GET = do_POST = do_PUT = do

    def act(self, store, method, path, body):
        match (method, *path):
            case ("GET", "datasources", "uid", uid):
                return (200, store.datasources[uid]) if uid in store.datasources else (404, NO_DATASOURCE)
            case ("POST", "datasources"):
                if any(each["name"] == body["name"] for each in store.datasources.values()):
                    return 409, {"message": "data source with the same name already exists"}
                made = {
                    "id": 1,
                    "orgId": 1,
                    "isDefault": False,
                    "jsonData": {},
                    "readOnly": False,
                    "version": 1,
                    **body,
                }
                store.datasources[body["uid"]] = made
                return 200, {"datasource": made, "id": 1, "message": "Datasource added", "name": body["name"]}
            case ("PUT", "datasources", "uid", uid):
                store.datasources[uid] = {**body, "version": store.datasources[uid]["version"] + 1}
                return 200, {"datasource": store.datasources[uid], "message": "Datasource updated"}
            case ("GET", "folders", uid):
                return (200, store.folders[uid]) if uid in store.folders else (404, {"message": "folder not found"})
            case ("POST", "folders"):
                store.folders[body["uid"]] = {"id": 1, "version": 1, **body}
                return 200, store.folders[body["uid"]]
            case ("PUT", "folders", uid):
                store.folders[uid] |= {"title": body["title"]}
                return 200, store.folders[uid]
            case ("GET", "dashboards", "uid", uid):
                return (200, store.dashboards[uid]) if uid in store.dashboards else (404, NO_DASHBOARD)
            case ("POST", "dashboards", "db"):
                return self.save(store, body)
        return 404, {"message": "Not found"}

    def save(self, store, body):
        dashboard = body["dashboard"]
        if not dashboard.get("title") or len(dashboard["uid"]) > 40:
            return 400, {"message": "bad dashboard"}
        there = store.dashboards.get(dashboard["uid"])
        if there and not body["overwrite"]:
            return 412, {"message": "A dashboard with the same uid already exists", "status": "name-exists"}
        version = there["dashboard"]["version"] + 1 if there else 1
        stored = {**dashboard, "id": 7, "version": version}
        store.dashboards[dashboard["uid"]] = {"dashboard": stored, "meta": {"folderUid": body["folderUid"]}}
        return 200, {"id": 7, "uid": dashboard["uid"], "status": "success", "version": version}

    def answer(self, status, body):
        data = json.dumps(body).encode() if not isinstance(body, bytes) else body
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/login")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


NO_DATASOURCE = {"message": "Data source not found"}
NO_DASHBOARD = {"message": "Dashboard not found"}


@pytest.fixture(params=["", "/grafana"], ids=["root", "below-a-path"])
def server(request):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        served.store, served.prefix = Store(), request.param
        served.url = f"http://127.0.0.1:{served.server_port}{request.param}"
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def spec():
    return load_spec(LAPTOP)


def outcomes(changes):
    return [change.outcome for change in changes]


def test_the_first_push_creates_and_the_second_changes_nothing(server, spec):
    grafana = Grafana(server.url, TOKEN)
    first = grafana.push(spec, PROMETHEUS)
    assert outcomes(first) == ["created"] * (2 + BOARDS)
    assert [change.kind for change in first] == ["datasource", "folder", *["dashboard"] * BOARDS]
    assert server.store.datasources[spec.name]["url"] == PROMETHEUS
    assert {each["meta"]["folderUid"] for each in server.store.dashboards.values()} == {spec.name}
    written = list(server.store.writes)
    assert outcomes(grafana.push(spec, PROMETHEUS)) == ["unchanged"] * (2 + BOARDS)
    assert server.store.writes == written


def test_a_changed_panel_updates_its_dashboard_alone(server, spec, monkeypatch):
    grafana = Grafana(server.url, TOKEN)
    grafana.push(spec)
    boards = dashboards.build(spec)
    uid = f"{spec.name}-routing"
    boards[uid]["panels"][1]["title"] = "Another title"
    monkeypatch.setattr("k8s.grafana.build", lambda spec: boards)
    server.store.writes.clear()
    changed = [change.name for change in grafana.push(spec) if change.outcome == "updated"]
    assert changed == [boards[uid]["title"]]
    assert server.store.writes == [("POST", "/api/dashboards/db")]
    stored = server.store.dashboards[uid]["dashboard"]
    assert (stored["panels"][1]["title"], stored["version"]) == ("Another title", 2)


def test_what_somebody_changed_by_hand_is_undone(server, spec):
    grafana = Grafana(server.url, TOKEN)
    grafana.push(spec, PROMETHEUS)
    uid = f"{spec.name}-overview"
    server.store.dashboards[uid]["dashboard"]["panels"] = []
    server.store.dashboards[f"{spec.name}-pools"]["meta"]["folderUid"] = "elsewhere"
    server.store.folders[spec.name]["title"] = "Renamed"
    server.store.datasources[spec.name] |= {"url": "http://old:9090", "basicAuth": True}
    updated = [change for change in grafana.push(spec, PROMETHEUS) if change.outcome == "updated"]
    assert [change.kind for change in updated] == ["datasource", "folder", "dashboard", "dashboard"]
    assert server.store.dashboards[uid]["dashboard"]["panels"]
    # What is nobody's business but the administrator's stays.
    assert (
        server.store.datasources[spec.name] | {"url": PROMETHEUS, "basicAuth": True}
        == server.store.datasources[spec.name]
    )


def test_without_a_prometheus_no_datasource_is_touched(server, spec):
    assert outcomes(Grafana(server.url, TOKEN).push(spec)) == ["created"] * (1 + BOARDS)
    assert server.store.datasources == {}


FAILURES = {
    "name is taken": (("POST", "/api/datasources", 409, {"message": "data source with the same name already exists"}),
                      "409 when writing datasource signalbox (data source with the same name already exists): "),
    "may not": (("POST", "/api/folders", 403, {"message": "Access denied"}), "needs the role Editor"),
    "changed": (("POST", "/api/dashboards/db", 412, {"message": "changed", "status": "version-mismatch"}),
                          "412 when writing dashboard signalbox: Overview (changed): it was changed in the meantime"),
    "server fails": (("POST", "/api/dashboards/db", 500, {"message": "database is locked"}),
                     "returned 500 when writing dashboard signalbox: Overview (database is locked): see its log"),
    "server fails with a page": (("GET", "/api/", 502, b"<html>bad gateway</html>"), "returned 502: see its log"),
    "no Grafana": (("GET", "/api/", 404, b"<html>not here</html>"), "returned 404: check that the URL is a Grafana's"),
    "a page": (("GET", "/api/", 200, b"<html>welcome</html>"), "did not return JSON: check that the URL"),
    "a list": (("GET", "/api/", 200, []), "did not return a JSON object: check that the URL"),
    "redirects": (("GET", "/api/", 302, b""), "redirects to another address, use that one for --url"),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
def test_errors_say_what_to_do_in_one_line(server, spec, failure):
    server.store.failing, expected = FAILURES[failure]
    with pytest.raises(GrafanaRefused) as raised:
        Grafana(server.url, TOKEN).push(spec, PROMETHEUS)
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)
    assert server.url in str(raised.value)


def run(*words, **environment):
    return CliRunner().invoke(app, ["dashboards", *words], env=environment)


def test_the_command_reports_what_it_did(server):
    pushed = run("push", str(LAPTOP), "--url", server.url, "--token", TOKEN)
    assert pushed.exit_code == 0, pushed.output
    assert pushed.output.splitlines()[:2] == ["created    folder signalbox", "created    dashboard signalbox: Overview"]
    again = run("push", str(LAPTOP), "--url", server.url, GRAFANA_TOKEN=f"{TOKEN}\n")
    assert again.exit_code == 0, again.output
    assert {line.split()[0] for line in again.output.splitlines()} == {"unchanged"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--token", "wrong"), "returned 401 (Invalid API key): it does not know the token"),
        ((), "--token: use the token of a Grafana service account, or set GRAFANA_TOKEN"),
        (("--token", "pasted twice"), "--token: use the token"),
        (
            ("--token", TOKEN, "--url", "grafana.example"),
            "--url: invalid value 'grafana.example', use Grafana's address",
        ),
        (("--token", TOKEN, "--url", "http://127.0.0.1:1"), "no response from http://127.0.0.1:1 (ConnectionError)"),
    ],
    ids=["unknown token", "no token", "no token's form", "no address", "nobody there"],
)
def test_the_command_says_errors_in_one_line(server, words, expected):
    url = () if "--url" in words else ("--url", server.url)
    pushed = run("push", str(LAPTOP), *url, *words, GRAFANA_TOKEN="")
    assert pushed.exit_code == 1
    assert expected in pushed.output
    assert len(pushed.output.splitlines()) == 1


def test_export_writes_what_is_pushed(tmp_path, spec):
    pushed = run("export", str(tmp_path / "new" / "folder"), str(LAPTOP))
    assert pushed.exit_code == 0, pushed.output
    written = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "new" / "folder").glob("*.json")}
    assert written == dashboards.build(spec)


def test_export_says_where_it_cannot_write(tmp_path):
    (tmp_path / "file").touch()
    pushed = run("export", str(tmp_path / "file"), str(LAPTOP))
    assert pushed.exit_code == 2
    assert "cannot be written" in pushed.output
    assert len(pushed.output.splitlines()) == 1


def test_missing_packages_are_said(monkeypatch):
    monkeypatch.setattr("signalbox.commands.dashboards.PACKAGES", ("json", "no_such_package"))
    pushed = run("push", str(LAPTOP))
    assert pushed.exit_code == 2
    assert pushed.output.splitlines() == ["no_such_package is not installed here: pip install -e '.[k8s]'"]
