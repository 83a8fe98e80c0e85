"""Every alert fires on what it is for and on nothing else, as Prometheus' own rule tester judges it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

import pytest
import yaml

from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from deployments.local.programs import find
from k8s.alerts import rule_groups
from k8s.alerts.slo import FAST, HIGHEST_THRESHOLD, SLOW, missed_ratio

PROMTOOL = find("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is neither in .venv/tools/bin nor on PATH")
SPEC = FleetSpec.model_validate(
    {
        "pools": {
            "small": {"tier": "small", "model": "s", "prices": {"output_per_mtok": 1.0}},
            "large": {"tier": "large", "model": "l", "prices": {"output_per_mtok": 10.0}},
        },
        "scaling": {"attainment_target": 0.99, "cold_start_s": 300.0, "target_ongoing": 16.0},
        "routing": {"budget": {"mean_cost": 0.001}},
    }
)
ALERTS = {rule["alert"]: rule for group in rule_groups(SPEC) for rule in group["rules"] if "alert" in rule}
RECORDS = {rule["record"] for group in rule_groups(SPEC) for rule in group["rules"] if "record" in rule}
SMALL = 'pool="small"'


@dataclass(frozen=True)
class Case:
    """Samples of fleets in separate namespaces, one of which has the trouble. Each has its rules."""

    troubled: dict[str, str]
    """Series of that fleet in promtool's notation, a sample every `minutes`."""
    calm: list[dict[str, str]]
    """Series of fleets about which nothing may be said."""
    at_minute: int
    minutes: int = 1
    labels: str = f", {SMALL}"
    """Of the alert, beyond the namespace."""


def slo(objective, values, answers):
    return {
        f'signalbox_slo_missed_total{{{SMALL},objective="{objective}"}}': values,
        f"signalbox_slo_answers_total{{{SMALL}}}": answers,
    }


def fast(objective):
    """100 answers a minute: 20% missed fires, 5% does not, nor half of them until 35 minutes ago, nor none ever."""
    rate = "0+100x120"
    calm = [
        slo(objective, "0+5x120", rate),
        slo(objective, "0+50x60 3000x60", rate),
        {**slo("other", "0+90x120", rate)},
    ]
    return Case(slo(objective, "0+20x120", rate), calm, at_minute=95, labels="")


def slow(objective):
    """Three days: 1.5% missed fires, 0.8% does not."""
    rate = "0+1000x450"
    return Case(slo(objective, "0+15x450", rate), [slo(objective, "0+8x450", rate)], 74 * 60, minutes=10, labels="")


def gauge(name, values, more=""):
    return {f"{name}{{{SMALL}{more}}}": values}


def replicas(desired, ready):
    parts = (
        gauge("signalbox_replicas", values, f',state="{state}"')
        for state, values in (("desired", desired), ("ready", ready))
    )
    return {name: values for part in parts for name, values in part.items()}


def breaks(broken):
    return {
        f"signalbox_broken_streams_total{{{SMALL}}}": broken,
        f"signalbox_slo_answers_total{{{SMALL}}}": "0+100x40",
    }


CASES = {
    "SignalboxAvailabilityBurnsFast": fast("error"),
    "SignalboxTtftBurnsFast": fast("ttft"),
    "SignalboxTpotBurnsFast": fast("tpot"),
    "SignalboxAvailabilityBurnsSlow": slow("error"),
    "SignalboxTtftBurnsSlow": slow("ttft"),
    "SignalboxTpotBurnsSlow": slow("tpot"),
    "SignalboxEndpointDown": Case(
        gauge("signalbox_gateway_ongoing", "0x10 stale _x30"),
        [gauge("signalbox_gateway_ongoing", "0x40")],
        15,
        labels="",
    ),
    "SignalboxKvPressure": Case(
        gauge("signalbox_engine_kv_pressure_ratio", "1.2x40"),
        [
            gauge("signalbox_engine_kv_pressure_ratio", "1x40"),
            gauge("signalbox_engine_kv_pressure_ratio", "0x30 2x10"),  # not for ten minutes yet
        ],
        at_minute=35,
    ),
    "SignalboxQueueGrowing": Case(
        gauge("signalbox_engine_waiting", "10+2x40"),
        [
            gauge("signalbox_engine_waiting", "30x40"),  # long, but it does not grow
            gauge("signalbox_engine_waiting", "0+0.2x40"),  # grows, but every replica has its batch
        ],
        at_minute=35,
    ),
    "SignalboxScalingStuck": Case(
        replicas("2x40", "1x40"), [replicas("2x40", "2x40"), replicas("1x30 2x10", "1x40")], at_minute=35
    ),
    "SignalboxScalingHeld": Case(
        gauge("signalbox_scaling_reason", "1x40", ',reason="held"'),
        [gauge("signalbox_scaling_reason", "1x40", ',reason="demand"')],
        at_minute=35,
    ),
    "SignalboxTelemetryStale": Case(
        gauge("signalbox_report_age_seconds", "4+60x40"), [gauge("signalbox_report_age_seconds", "3x40")], at_minute=35
    ),
    "SignalboxStreamsBreak": Case(breaks("0+3x40"), [breaks("0+0.5x40"), breaks("7x40")], at_minute=35),
    "SignalboxBudgetOverrun": Case(
        {"signalbox_budget_spend_ratio": "1.3x90"},
        [{"signalbox_budget_spend_ratio": "1.05x90"}, {"signalbox_budget_spend_ratio": "0x70 1.3x20"}],
        at_minute=85,
        labels="",
    ),
}


def in_namespace(series, namespace):
    name, _, labels = series.rstrip("}").partition("{")
    return f'ray_{name}{{namespace="{namespace}"{"," + labels if labels else ""}}}'


def fleets_of(case):
    """The spec of each fleet by its namespace."""
    return dict.fromkeys(["troubled", *(f"calm{n}" for n in range(len(case.calm)))], SPEC)


def unit_test(alert, case):
    """A test in promtool's format: the troubled fleet's alert fires, and no other fleet's."""
    fleets = [("troubled", case.troubled), *((f"calm{n}", each) for n, each in enumerate(case.calm))]
    series = [
        {"series": in_namespace(name, namespace), "values": values}
        for namespace, fleet in fleets
        for name, values in fleet.items()
    ]
    firing = f'max by (namespace, pool) (ALERTS{{alertname="{alert}", alertstate="firing"}})'
    expected = [{"labels": f'{{namespace="troubled"{case.labels}}}', "value": 1}]
    return {
        "interval": f"{case.minutes}m",
        "input_series": series,
        "promql_expr_test": [{"expr": firing, "eval_time": f"{case.at_minute}m", "exp_samples": expected}],
    }


def rules_for(spec, namespace, alert):
    """The rules of a fleet; with an alert only that one and the records that it reads, which takes seconds less."""
    records, alerts = rule_groups(spec, namespace)
    if alert:
        alerts["rules"] = [rule for rule in alerts["rules"] if rule["alert"] == alert]
        records["rules"] = [rule for rule in records["rules"] if rule["record"] in alerts["rules"][0]["expr"]]
    return [group for group in (records, alerts) if group["rules"]]


def promtool(folder, tests, fleets, minutes=1, alert=None):
    """Run Prometheus' tester on our rules; what it said, empty where all is well.

    It evaluates groups in an order of its own, another one each time, unless told. Where samples are further apart
    than Prometheus looks back (5 min), alerts before their records would see none of them.
    """
    for namespace, spec in fleets.items():
        (folder / f"{namespace}.yaml").write_text(yaml.safe_dump({"groups": rules_for(spec, namespace, alert)}))
    content = {
        "rule_files": [f"{namespace}.yaml" for namespace in fleets],
        "evaluation_interval": f"{minutes}m",
        "group_eval_order": [group["name"] for group in rule_groups(SPEC)],
        "tests": tests,
    }
    (folder / "tests.yaml").write_text(yaml.safe_dump(content))
    done = subprocess.run(
        [PROMTOOL, "test", "rules", folder / "tests.yaml"], capture_output=True, text=True, timeout=120
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_every_alert_has_a_case():
    assert CASES.keys() == ALERTS.keys()


@needs_promtool
@pytest.mark.parametrize("alert", CASES)
def test_fires_for_the_troubled_fleet_alone(alert, tmp_path):
    case = CASES[alert]
    assert promtool(tmp_path, [unit_test(alert, case)], fleets_of(case), case.minutes, alert) == ""


@needs_promtool
@pytest.mark.parametrize("burst", ["_x30 30x10", "0x30 30x10"], ids=["of a counter that is new", "of one that was 0"])
def test_the_first_broken_streams_count(burst, tmp_path):
    """A counter has no series before its first increment."""
    case = Case(breaks(burst), [], at_minute=35)
    assert promtool(tmp_path, [unit_test("SignalboxStreamsBreak", case)], fleets_of(case)) == ""


def down(minutes, series):
    """A test in promtool's format: the endpoint of `troubled` is down, and no other one, after some minutes."""
    query = 'max by (namespace) (ALERTS{alertname="SignalboxEndpointDown", alertstate="firing"})'
    samples = [{"labels": '{namespace="troubled"}', "value": 1}]
    expected = [{"expr": query, "eval_time": f"{minutes}m", "exp_samples": samples}]
    return {"interval": "1m", "input_series": series, "promql_expr_test": expected}


@needs_promtool
@pytest.mark.parametrize(
    "series", [[], [{"series": in_namespace("signalbox_gateway_ongoing", "troubled"), "values": "0x10 stale"}]],
    ids=["never seen", "seen long ago"],
)  # fmt: skip
def test_an_endpoint_stays_down_while_another_fleet_lives(series, tmp_path):
    other = {"series": in_namespace("signalbox_gateway_ongoing", "calm0"), "values": "0x100"}
    fleets = {"troubled": SPEC, "calm0": SPEC}
    assert promtool(tmp_path, [down(90, [*series, other])], fleets) == ""


@needs_promtool
def test_a_fleet_is_judged_by_its_own_objective_alone(tmp_path):
    """A fifth of the answers misses the objective of a fleet that promises nine tenths: below its threshold of 0.9."""
    relaxed = SPEC.model_copy(update={"scaling": SPEC.scaling.model_copy(update={"attainment_target": 0.9})})
    series = slo("error", "0+20x120", "0+100x120")  # 20% would page the other one
    test = {
        "interval": "1m",
        "input_series": [{"series": in_namespace(name, "relaxed"), "values": each} for name, each in series.items()],
        "promql_expr_test": [{"expr": PAGES, "eval_time": "95m", "exp_samples": []}],
    }
    assert promtool(tmp_path, [test], {"strict": SPEC, "relaxed": relaxed}) == ""


PAGES = 'ALERTS{alertname=~".*BurnsFast", alertstate="firing"}'


@needs_promtool
def test_a_wrong_expectation_fails(tmp_path):
    """The tester tests: with the troubled fleet's samples taken away, nothing fires."""
    case = CASES["SignalboxKvPressure"]
    calm = Case(case.calm[0], [], case.at_minute)
    assert "SignalboxKvPressure" in promtool(tmp_path, [unit_test("SignalboxKvPressure", calm)], fleets_of(calm))


RECORDED = {
    "signalbox:queue_depth:sum": (
        {
            "signalbox_engine_waiting{pool='small',replica='a'}": "3x10",
            "signalbox_engine_waiting{pool='small',replica='b'}": "4x10",
            "signalbox_gateway_held{pool='large'}": "2x10",
        },
        {'pool="small"': 7, 'pool="large"': 2},
    ),
    "signalbox:cost_saved:ratio_rate1h": (
        {
            "signalbox_realised_cost_total{pool='small'}": "0+1x10",
            "signalbox_realised_cost_total{pool='large'}": "0+2x10",
            "signalbox_always_large_cost_total{pool='small'}": "0+8x10",
            "signalbox_always_large_cost_total{pool='large'}": "0+2x10",
        },
        {"": 0.7},
    ),
}


@needs_promtool
@pytest.mark.parametrize("record", RECORDED)
def test_records_are_the_sums_they_are_named_for(record, tmp_path):
    series, expected = RECORDED[record]
    samples = [{"labels": f'{record}{{namespace="n",{labels}}}', "value": value} for labels, value in expected.items()]
    test = {
        "interval": "1m",
        "input_series": [{"series": in_namespace(name, "n"), "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": record, "eval_time": "10m", "exp_samples": samples}],
    }
    assert promtool(tmp_path, [test], {"n": SPEC}) == ""


@needs_promtool
@pytest.mark.parametrize("example", sorted((PROJECT_ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_rules_of_every_example_are_valid(example, tmp_path):
    from cluster.loading import load_spec

    groups = rule_groups(load_spec(example), "signalbox")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    done = subprocess.run(
        [PROMTOOL, "check", "rules", tmp_path / "rules.yaml"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_thresholds_follow_the_spec():
    strict = SPEC.model_copy(update={"scaling": SPEC.scaling.model_copy(update={"attainment_target": 0.999})})
    low = SPEC.model_copy(update={"scaling": SPEC.scaling.model_copy(update={"attainment_target": 0.6})})
    for spec, threshold in ((SPEC, "0.144"), (strict, "0.0144"), (low, f"{HIGHEST_THRESHOLD:g}")):
        (rule,) = [rule for rule in rule_groups(spec)[1]["rules"] if rule["alert"] == "SignalboxTtftBurnsFast"]
        assert f"> {threshold} and" in rule["expr"]
    assert ALERTS["SignalboxScalingStuck"]["for"] == "600s"


def test_no_budget_no_alert_on_it():
    free = SPEC.model_copy(update={"routing": SPEC.routing.model_copy(update={"budget": None})})
    alerts = [rule["alert"] for rule in rule_groups(free)[1]["rules"]]
    assert set(CASES) - set(alerts) == {"SignalboxBudgetOverrun"}


def test_every_window_is_recorded():
    assert {missed_ratio(window) for burn in (*FAST, *SLOW) for window in (burn.long, burn.short)} <= RECORDS


@pytest.mark.parametrize("alert", ALERTS)
def test_the_runbook_has_a_section(alert):
    page = (PROJECT_ROOT / "docs" / "alerts.md").read_text()
    assert f"\n### {alert}\n" in page
    assert "runbook_url" not in ALERTS[alert]["annotations"]  # a relative one leads nowhere


def test_alerts_link_to_the_page_that_the_spec_names():
    section = {"monitoring": {"runbooks": "https://docs.example.com/alerts.md"}}
    spec = FleetSpec.model_validate(SPEC.model_dump(mode="json") | {"kubernetes": section})
    links = [rule["annotations"]["runbook_url"] for rule in rule_groups(spec)[1]["rules"]]
    assert "https://docs.example.com/alerts.md#signalboxendpointdown" in links
    assert len(links) == len(ALERTS)


def test_the_runbook_has_no_section_too_many():
    page = (PROJECT_ROOT / "docs" / "alerts.md").read_text()
    assert set(re.findall(r"^### (\w+)$", page, re.M)) == ALERTS.keys()
