"""Checks `serveConfigV2`, which is only a string for Kubernetes, against Serve's schema and further rules.

Ray Serve 2.60 ignores unknown keys, so that old versions accept new configs. It resolves import paths only when it
deploys: with a wrong path, the fleet never becomes ready.
"""

from __future__ import annotations

import importlib
import typing
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import RayActorOptionsSchema, ServeDeploySchema

from cluster.problems import did_you_mean, invalid, shown
from cluster.spec import FleetSpec
from deployments.config import KUBERNETES, serve_config
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, dig, mapping, read_yaml, sequence, text
from k8s.checks.rendered import Rendered

CHECK = "serve config"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Problem = tuple[str, str]
"""Field path in the config, and what is wrong with it."""


def check_serve_config(rendered: Rendered) -> Iterator[Finding]:
    """Check the Serve config of every RayService."""
    for manifest in rendered.of_kind("RayService"):
        for path, problem in problems_of(text(manifest.body, "spec", "serveConfigV2"), rendered.spec):
            where = manifest.where(f"spec.serveConfigV2{f'.{path}' if path else ''}")
            yield Finding(CHECK, where, problem)


def problems_of(config_text: str, spec: FleetSpec) -> Iterator[Problem]:
    """Problems of a fleet's Serve config."""
    try:
        documents = read_yaml(config_text)
    except yaml.YAMLError as error:
        yield "", f"is not YAML: {' '.join(str(error).split())}"
        return
    if len(documents) != 1 or not isinstance(documents[0], dict):
        yield "", "is not one mapping, render again"
        return
    config = documents[0]
    try:
        ServeDeploySchema.model_validate(config)
    except ValidationError as error:
        yield from ((_path(each["loc"]), each["msg"]) for each in error.errors())
    yield from unknown_keys(config, ServeDeploySchema)
    yield from _endpoint(config, spec)
    for index, application in enumerate(sequence(config, "applications")):
        for path, problem in _application(mapping(application), spec):
            yield f"applications[{index}].{path}", problem
    yield from differences(config, serve_config(spec, KUBERNETES))


def unknown_keys(data: Any, model: type[BaseModel], path: str = "") -> Iterator[Problem]:
    """Keys that a pydantic model would ignore, at any depth."""
    for key, value in mapping(data).items():
        here = f"{path}.{key}".lstrip(".")
        if key not in model.model_fields:
            yield here, f"is unknown and would be ignored, {did_you_mean(str(key), model.model_fields)}"
            continue
        inner = _models(model.model_fields[key].annotation)
        if key == "ray_actor_options":
            inner = [RayActorOptionsSchema]
        if len(inner) != 1:
            continue
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            yield from unknown_keys(item, inner[0], f"{here}[{index}]" if isinstance(value, list) else here)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The pydantic models in a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in typing.get_args(annotation) for model in _models(each)]


def _endpoint(config: Body, spec: FleetSpec) -> Iterator[Problem]:
    location = config.get("proxy_location")
    if location != KUBERNETES.proxy_location:
        yield (
            "proxy_location",
            invalid(location, f"{KUBERNETES.proxy_location}, because RayService checks the proxy of every worker"),
        )
    if (host := dig(config, "http_options", "host")) in LOOPBACK:
        yield "http_options.host", f"invalid value '{host}', which other pods cannot reach, use {KUBERNETES.host}"
    if (port := dig(config, "http_options", "port")) != spec.gateway.port:
        yield "http_options.port", invalid(port, f"gateway.port of the spec, {spec.gateway.port}")


def _application(application: Body, spec: FleetSpec) -> Iterator[Problem]:
    policy = text(application, "autoscaling_policy", "policy_function")
    for field, target in (
        ("import_path", text(application, "import_path")),
        ("autoscaling_policy.policy_function", policy),
    ):
        if target and (problem := _not_importable(target)):
            yield field, problem
    known = [*spec.pools, "gateway"]
    for index, deployment in enumerate(sequence(application, "deployments")):
        name = text(deployment, "name")
        if name not in known:
            yield f"deployments[{index}].name", f"unknown deployment '{name}', {did_you_mean(name, known)}"
        try:
            AutoscalingConfig.model_validate(mapping(deployment, "autoscaling_config"))
        except ValidationError as error:
            for each in error.errors():
                yield f"deployments[{index}].autoscaling_config.{_path(each['loc'])}".rstrip("."), each["msg"]
    pools = mapping(application, "args", "spec", "pools")
    for name in pools.keys() ^ spec.pools.keys():
        problem = "is missing" if name in spec.pools else "is not a pool of the spec"
        yield f"args.spec.pools.{name}", f"{problem}, render again"


def _not_importable(target: str) -> str | None:
    """Why `module:attribute` cannot be imported; None if it can."""
    module_name, _, attribute = target.replace(":", ".").rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        return f"cannot import '{target}' ({error}), use module:name of this project"
    if not hasattr(module, attribute):
        hint = did_you_mean(attribute, vars(module), most=5)
        return f"cannot import '{target}', {module_name} has no {attribute}, {hint}"
    return None


def differences(found: Any, wanted: Any, path: str = "") -> Iterator[Problem]:
    """Differences between a config and the one rendered from the spec."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in [*wanted, *(key for key in found if key not in wanted)]:
            here = f"{path}.{key}".lstrip(".")
            if key not in found:
                yield here, "is missing, render again"
            elif key not in wanted:
                yield here, "is not in the spec, render again"
            else:
                yield from differences(found[key], wanted[key], here)
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif found != wanted:
        yield path, f"is {shown(found)} instead of {shown(wanted)} as in the spec, render again"


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")
