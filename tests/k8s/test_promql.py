"""Queries as text, and what Prometheus makes of a share."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from deployments.local.programs import find
from k8s.dashboards.panels import FLEET, without_grafana
from k8s.promql import Promql

PLAIN = Promql()
KEPT = Promql(where='namespace="n"', by=("namespace",), window="2m")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (PLAIN.select("m"), "ray_m"),
        (PLAIN.gauge("max", "m"), "max (ray_m)"),
        (KEPT.gauge("sum", "m", "pool", where='a="b"'), 'sum by (namespace, pool) (ray_m{namespace="n",a="b"})'),
        (PLAIN.rate("m"), "sum (rate(ray_m_total[5m]))"),
        (KEPT.rate("m", "pool", window="1h"), 'sum by (namespace, pool) (rate(ray_m_total{namespace="n"}[1h]))'),
        (PLAIN.increase("m", "1d"), "sum ((ray_m_total unless ray_m_total offset 1d) or increase(ray_m_total[1d]))"),
        (PLAIN.quantile(0.95, "m"), "histogram_quantile(0.95, sum by (le) (rate(ray_m_bucket[5m])))"),
        (PLAIN.mean("m", "pool"), "sum by (pool) (rate(ray_m_sum[5m])) / (sum by (pool) (rate(ray_m_count[5m])) > 0)"),
    ],
)
def test_names_labels_and_windows(query, expected):
    assert query == expected


def test_grafanas_variables_are_filled_in():
    query = FLEET.rate("m", where='pool=~"$pool"') + FLEET.select("m", window="$__range")
    filled = without_grafana(query, "1m", "15m")
    assert filled == ('sum (rate(ray_m_total{namespace=~".*",pool=~".*"}[1m]))ray_m{namespace=~".*"}[15m]')


@pytest.mark.skipif(find("promtool") is None, reason="promtool is not installed")
def test_a_share_is_zero_without_a_part_and_nothing_without_a_whole(tmp_path):
    share = PLAIN.share(PLAIN.rate("part", "pool"), PLAIN.rate("whole", "pool"))
    series = {
        'ray_whole_total{pool="some"}': "0+60x10",
        'ray_part_total{pool="some"}': "0+30x10",
        'ray_whole_total{pool="none"}': "0+60x10",
        'ray_whole_total{pool="idle"}': "7x10",
        'ray_part_total{pool="idle"}': "3x10",
    }
    expected = [{"labels": '{pool="some"}', "value": 0.5}, {"labels": '{pool="none"}', "value": 0}]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": share, "eval_time": "10m", "exp_samples": expected}],
    }
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"tests": [test]}))
    command = [find("promtool"), "test", "rules", tmp_path / "tests.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
