"""One page of metrics out of those of all nodes."""

from __future__ import annotations

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from deployments.gateway.scrape import join

PAGE = """# HELP ray_signalbox_x_total X of {node}.
# TYPE ray_signalbox_x_total counter
ray_signalbox_x_total{{WorkerId="{node}",pool="small"}} 1.0
# HELP ray_node_cpu CPUs.
# TYPE ray_node_cpu gauge
ray_node_cpu{{WorkerId="{node}"}} 3.0
# HELP ray_vllm_wait_seconds Said with "quotes", a \\\\ and a line\\nbreak.
# TYPE ray_vllm_wait_seconds histogram
ray_vllm_wait_seconds_bucket{{WorkerId="{node}",le="1.0"}} 2.0
ray_vllm_wait_seconds_bucket{{WorkerId="{node}",le="+Inf"}} 5.0
ray_vllm_wait_seconds_sum{{WorkerId="{node}"}} 7.5
ray_vllm_wait_seconds_count{{WorkerId="{node}"}} 5.0
"""


def samples(text):
    """All samples of a page that are ours, as Prometheus reads them."""
    families = [family for family in text_string_to_metric_families(text) if family.name != "ray_node_cpu"]
    return Counter((s.name, tuple(sorted(s.labels.items())), s.value) for family in families for s in family.samples)


def test_no_sample_is_lost_or_comes_twice():
    pages = [PAGE.format(node=node) for node in "abc"]
    assert samples(join(pages).decode()) == sum((samples(page) for page in pages), Counter())


def test_every_family_is_there_once_with_its_type():
    joined = join([PAGE.format(node="a"), PAGE.format(node="a"), "", PAGE.format(node="b")]).decode()
    kinds = {family.name: family.type for family in text_string_to_metric_families(joined)}
    assert kinds == {"ray_signalbox_x": "counter", "ray_vllm_wait_seconds": "histogram"}
    assert joined.count("# TYPE") == joined.count("# HELP") == 2


def test_metrics_of_rays_own_are_left_out():
    assert "ray_node_cpu" not in join([PAGE.format(node="a")]).decode()
