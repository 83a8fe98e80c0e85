"""The way in: Ingress or Gateway, as long as streams take."""

from __future__ import annotations

from rendered_fleets import fleet, objects

HOST = {"host": "llm.example.com"}


def exposed(**expose):
    return objects(fleet(gateway={"port": 9000}, kubernetes={"expose": expose}), "base")


def test_nothing_is_exposed_by_default():
    assert not {"Ingress", "Gateway", "HTTPRoute"} & {kind for kind, _ in objects(fleet())}


def test_ingress():
    annotations = {"b/timeout": "600", "a/first": "1"}
    found = exposed(kind="ingress", **HOST, class_name="nginx", tls_secret="cert", annotations=annotations)
    ingress = found["Ingress", "fleet"]
    assert list(ingress["metadata"]["annotations"]) == ["a/first", "b/timeout"]
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["tls"] == [{"hosts": ["llm.example.com"], "secretName": "cert"}]
    (rule,) = ingress["spec"]["rules"]
    assert rule["host"] == "llm.example.com"
    backend = {"service": {"name": "fleet-serve-svc", "port": {"number": 9000}}}
    assert rule["http"]["paths"] == [{"path": "/", "pathType": "Prefix", "backend": backend}]


def test_a_default_ingress_has_no_class_and_no_certificate():
    assert exposed(kind="ingress", **HOST)["Ingress", "fleet"]["spec"].keys() == {"rules"}


def test_gateway_lets_streams_take_as_long_as_the_fleet_does():
    found = exposed(kind="gateway", **HOST, class_name="istio")
    (listener,) = found["Gateway", "fleet"]["spec"]["listeners"]
    assert (listener["port"], listener["protocol"]) == (80, "HTTP")
    route = found["HTTPRoute", "fleet"]["spec"]
    assert route["parentRefs"] == [{"name": "fleet"}]
    (rule,) = route["rules"]
    assert rule == {"backendRefs": [{"name": "fleet-serve-svc", "port": 9000}], "timeouts": {"request": "600s"}}


def test_gateway_with_a_certificate():
    (listener,) = exposed(kind="gateway", **HOST, class_name="istio", tls_secret="cert")["Gateway", "fleet"]["spec"][
        "listeners"
    ]
    assert (listener["port"], listener["protocol"]) == (443, "HTTPS")
    assert listener["tls"]["certificateRefs"] == [{"kind": "Secret", "name": "cert"}]
