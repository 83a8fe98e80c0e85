"""Dashboards: what Grafana needs of them, and that every query asks for metrics that exist, as they are meant."""

from __future__ import annotations

import json
import re

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from deployments.metrics.gateway import TABLE
from k8s.alerts import rule_groups
from k8s.dashboards import boards, build
from k8s.dashboards.grafana_json import LONGEST_UID

EXAMPLES = sorted((PROJECT_ROOT / "examples").glob("*.yaml"))
LAPTOP = load_spec(PROJECT_ROOT / "examples" / "laptop.yaml")
POOL = {"tier": "small", "model": "s", "engine": {"kind": "vllm"}, "prices": {"output_per_mtok": 1.0}}
EVERYTHING = FleetSpec.model_validate(
    {
        "name": "every-panel",
        "pools": {
            "small": POOL | {"replicas": {"min": 0, "max": 1}, "speculation": {"method": "ngram"}},
            "large": POOL | {"tier": "large", "model": "l"},
        },
        "routing": {
            "budget": {"mean_cost": 0.001},
            "escalation": {},
            "shadow": {"pool": "large", "share": 0.1},
            "feedback": {},
            "learn": {},
        },
    }
)
"""A spec for which no panel is left out."""
METRICS = {metric.exposed: metric for metric in TABLE}
RULES = [rule for group in rule_groups(EVERYTHING) for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
QUERIES = [
    *(query.expr for board in boards(EVERYTHING) for panel in board.panels for query in panel.queries),
    *(rule["expr"] for rule in RULES),
]
SUFFIX = re.compile(r"_(bucket|sum|count)$")


def metric_of(name):
    """The metric that a name in a query belongs to, histograms by their parts."""
    return METRICS.get(name) or METRICS[SUFFIX.sub("", name)]


@pytest.mark.parametrize("expr", QUERIES)
def test_queries_ask_for_metrics_that_exist(expr):
    for name in re.findall(r"ray_signalbox_\w+", expr):
        metric = metric_of(name)
        assert (metric.kind == "histogram") == bool(SUFFIX.search(name)), name
    assert set(re.findall(r"signalbox:[\w:]+", expr)) <= RECORDED


@pytest.mark.parametrize("expr", QUERIES)
def test_queries_join_series_as_the_metric_says(expr):
    """Counters by their rate, gauges that tell of the same thing never as a sum."""
    for name in re.findall(r"(?:rate|increase)\((ray_signalbox_\w+)", expr):
        assert metric_of(name).kind != "gauge", name
    for operator, name in re.findall(r"(\w+)(?: by \([^)]*\))? \((ray_signalbox_\w+)", expr):
        assert metric_of(name).kind == "gauge", name
        assert metric_of(name).over == "sum" or operator in ("max", "avg", "count"), f"{operator} of {name}"


@pytest.mark.parametrize("expr", QUERIES)
def test_queries_use_labels_that_the_metric_has(expr):
    for name, matchers in re.findall(r"(ray_signalbox_\w+)\{([^}]*)\}", expr):
        used = set(re.findall(r"(\w+)=", matchers)) - {"namespace"}
        missing = used - metric_of(name).labels.keys()
        assert not missing, f"{name} has no label {missing}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_dashboards_of_every_example_are_sound(example):
    spec = load_spec(example)
    built = build(spec)
    assert json.dumps(built) == json.dumps(build(spec))
    assert len(built) == len(boards(spec)) == 6
    for uid, dashboard in built.items():
        assert dashboard["uid"] == uid
        assert len(uid) <= LONGEST_UID
        assert dashboard["description"]
        variables = {each["name"] for each in dashboard["templating"]["list"]}
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids))
        used = set(re.findall(r"\$(\w+)", json.dumps([panel.get("targets") for panel in dashboard["panels"]])))
        assert {name for name in used if not name.startswith("__")} <= variables
        assert variables == {"datasource", "namespace"} | set(board_of(spec, uid).filters)


def board_of(spec, uid):
    return next(board for board in boards(spec) if uid.endswith(board.key))


def panels(spec):
    return [panel for dashboard in build(spec).values() for panel in dashboard["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("spec", [LAPTOP, EVERYTHING], ids=lambda spec: spec.name)
def test_panels_say_what_they_show_and_do_not_overlap(spec):
    for dashboard in build(spec).values():
        taken = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert max(x for x, _ in cells) < 24
            assert not cells & taken, panel["title"]
            taken |= cells
    for panel in panels(spec):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_dashboards_link_to_each_other():
    (links,) = {json.dumps(dashboard["links"]) for dashboard in build(LAPTOP).values()}
    (link,) = json.loads(links)
    assert (link["type"], link["keepTime"], link["includeVars"]) == ("dashboards", True, True)
    assert all(set(link["tags"]) <= set(dashboard["tags"]) for dashboard in build(LAPTOP).values())


def test_what_the_spec_does_not_have_has_no_panel():
    titles = {panel["title"] for panel in panels(EVERYTHING)}
    plain = {panel["title"] for panel in panels(FleetSpec.model_validate({"pools": {"only": POOL}}))}
    assert plain < titles
    assert titles - plain == {
        "Spend compared with the budget",
        "Price of quality",
        "Escalated",
        "Wanted a pool at zero replicas",
        "Shadow requests",
        "Comparisons",
        "Labels",
        "Feedback",
        "Accepted draft tokens",
    }


def test_targets_of_the_spec_are_the_red_lines():
    spec = LAPTOP.model_copy(update={"scaling": LAPTOP.scaling.model_copy(update={"ttft_target_s": 7.5})})
    lines = [
        [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        for panel in panels(spec)
        if panel["title"] == "Time to first token"
    ]
    assert lines == [[None, 7.5]] * 2


def test_uids_of_long_names_are_short_and_differ():
    names = ["a" * 39 + end for end in "bc"]
    uids = [set(build(LAPTOP.model_copy(update={"name": name}))) for name in names]
    assert not uids[0] & uids[1]
    assert all(len(uid) <= LONGEST_UID for uid in uids[0] | uids[1])
