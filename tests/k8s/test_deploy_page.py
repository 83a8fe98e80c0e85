"""docs/deploy.md: every command for a cluster names what is rendered, what the charts make, or a file that exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
import yaml
from rendered_fleets import EXAMPLES, example, objects

from k8s.names import KEPT, METRICS_PORT, namespace, serve_service
from k8s.render import render

ROOT = EXAMPLES.parent
PAGE = ROOT / "docs" / "deploy.md"
SPEC = example("l4")
FILES = {f"build/l4/{path}" for path in render(SPEC)}
OBJECTS = objects(SPEC)
KUBERAYS = {("service", serve_service(SPEC)), ("crd", "rayservices.ray.io")}
"""What KubeRay makes."""
PROMETHEUS_CRDS = {("crd", f"{each}.monitoring.coreos.com") for each in ("podmonitors", "prometheusrules")}
NAMESPACES = {namespace(SPEC, "prod"), namespace(SPEC, "dev")}
OPERATORS = {SPEC.kubernetes.operator_namespace, SPEC.kubernetes.monitoring.namespace}


def commands() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line]


COMMANDS = commands()


def of(program: str, *verbs: str) -> list[list[str]]:
    found = [words for words in COMMANDS if words[0] == program and all(verb in words for verb in verbs)]
    assert found, (program, verbs)
    return found


def option(words: list[str], *names: str) -> str | None:
    for at, word in enumerate(words):
        for name in names:
            if word == name:
                return words[at + 1]
            if word.startswith(f"{name}="):
                return word.split("=", 1)[1]
    return None


def known() -> set[tuple[str, str]]:
    ours = {(kind.lower(), name) for kind, name in OBJECTS}
    return ours | KUBERAYS | PROMETHEUS_CRDS


def named_resources() -> Iterator[tuple[str, str]]:
    for words in of("kubectl"):
        for word in words:
            if re.fullmatch(r"(rayservice|service|job)/\S+", word):
                kind, name = word.split("/")
                yield kind, name
        if "crd" in words:
            yield "crd", words[words.index("crd") + 1]


def test_programs_are_the_ones_the_page_asks_for():
    assert {words[0] for words in COMMANDS} == {"helm", "docker", "kubectl", "signalbox", "git"}


@pytest.mark.parametrize("resource", sorted(set(named_resources())))
def test_objects_exist(resource):
    assert resource in known()


def test_files_and_folders_are_rendered():
    for words in of("kubectl"):
        if folder := option(words, "-k"):
            assert f"{folder}/kustomization.yaml" in FILES
        if path := option(words, "-f"):
            assert path in FILES
    for words in of("docker", "build"):
        assert (ROOT / str(option(words, "-f"))).is_file()
        assert option(words, "-t").endswith(SPEC.kubernetes.image)


def test_namespaces_are_those_of_the_spec():
    used = {option(words, "-n", "--namespace") for words in [*of("kubectl"), *of("helm")]} - {None}
    assert used <= NAMESPACES | OPERATORS
    operator = next(words for words in of("helm", "install") if "kuberay-operator" in words)
    prometheus = next(words for words in of("helm", "install") if "prometheus" in words)
    assert option(operator, "--namespace") == SPEC.kubernetes.operator_namespace
    assert option(prometheus, "--namespace") == SPEC.kubernetes.monitoring.namespace
    assert SPEC.kubernetes.monitoring.labels == {"release": prometheus[2]}


def test_secrets_have_the_keys_that_pods_read():
    read = {
        (each["secretKeyRef"]["name"], each["secretKeyRef"]["key"])
        for text in render(SPEC).values()
        for document in yaml.safe_load_all(text)
        for each in values(document)
        if "secretKeyRef" in each
    }
    created = {
        (words[words.index("generic") + 1], str(option(words, "--from-literal")).split("=")[0])
        for words in of("kubectl", "create", "secret")
    }
    assert created == read


def values(found: object) -> Iterator[dict[str, object]]:
    if isinstance(found, dict):
        yield found
        for each in found.values():
            yield from values(each)
    elif isinstance(found, list):
        for each in found:
            yield from values(each)


def test_labels_select_pods_and_machines():
    pods = OBJECTS["RayService", SPEC.name]["spec"]["rayClusterConfig"]
    templates = [pods["headGroupSpec"]["template"], *(each["template"] for each in pods["workerGroupSpecs"])]
    kept = {f"signalbox/kept{sign}{value}" for sign in ("=", "!=") for value in KEPT.values()}
    ours = kept | {f"{key}={value}" for each in templates for key, value in each["metadata"]["labels"].items()}
    theirs = {"ray.io/node-type=head", "app.kubernetes.io/name=kuberay-operator"}
    assert {option(words, "-l") for words in of("kubectl")} - {None} <= ours | theirs
    machines = {f"{k}={v}" for each in templates for k, v in each["spec"].get("nodeSelector", {}).items()}
    assert {words[-1] for words in of("kubectl", "label")} <= machines


def test_containers_and_ports_exist():
    cluster = OBJECTS["RayService", SPEC.name]["spec"]["rayClusterConfig"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    names = {each["name"] for pod in pods for each in pod["containers"]} | {"autoscaler"}  # which KubeRay adds
    assert {option(words, "-c") for words in of("kubectl") if words[3] in ("exec", "logs")} - {None} <= names
    (forward,) = of("kubectl", "port-forward")
    assert forward[-1].split(":")[1] == str(SPEC.gateway.port) != str(METRICS_PORT)


def test_models_are_downloaded_before_the_fleet_starts():
    folders = [option(words, "-k") for words in of("kubectl", "apply") if "-k" in words and "-l" not in words]
    assert folders[:2] == ["build/l4/download/prod", "build/l4/overlays/prod"]


def test_taking_the_fleet_down_leaves_what_outlives_it():
    first = next(words for words in of("kubectl", "delete") if "-k" in words)
    assert option(first, "-l") == "signalbox/kept!=true"


def test_the_table_of_costs():
    page, kinds = PAGE.read_text(), SPEC.hardware.values()
    most = sum(kind.nodes * kind.devices_per_node for kind in kinds)
    assert f"| at most (`hardware.NAME.nodes`) | {most} |" in page
    dev = yaml.safe_load(render(SPEC)["overlays/dev/ray-service-patch.yaml"])
    nodes = [each["value"] for each in dev if each["path"].endswith("maxReplicas")][:-1]  # the last is the gateways'
    per_node = [kind.devices_per_node for _, kind in sorted(SPEC.hardware.items())]
    small = sum(count * devices for count, devices in zip(nodes, per_node, strict=True))
    assert f"| `overlays/dev`, at most | {small} |" in page
