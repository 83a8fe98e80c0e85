"""CPU time of `Planner.decide` for three pools of many replicas.

    python -m benchmarks.planner_cost --replicas 500

Every second each pool is shown fresh reports, with a load that rises and falls within ten minutes. Reports are made
outside the time that is taken.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator, Mapping

import numpy as np

from autoscaling.planner import Planner
from autoscaling.types import PoolDemand, PoolSignals
from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from cluster.state import ReplicaState

START_S, PERIOD_S = 1e9, 600.0
RUNNING, KV_TOKENS = 40.0, 100_000
"""Requests of a replica at middle load, and its cache."""
STEP_S, PER_REQUEST_S = 0.02, 0.0003
PROMPT_TOKENS, ANSWER_TOKENS = 1_000.0, 200.0


def fleet(replicas: int) -> FleetSpec:
    """The example's pools with bounds that the replicas are within, and as many nodes as a spec may have."""
    spec = load_spec(PROJECT_ROOT / "examples" / "simulation.yaml").model_dump(mode="json", exclude_unset=True)
    for pool in spec["pools"].values():
        pool["replicas"] = {"min": 1, "max": 2 * replicas}
    for hardware in spec["hardware"].values():
        hardware["nodes"] = 1_000
    return FleetSpec.model_validate(spec)


def seconds_of_load(spec: FleetSpec, replicas: int, seconds: int) -> Iterator[tuple[float, dict[str, PoolSignals]]]:
    """Second by second, what the planner is shown."""
    draw = random.Random(7)
    generated = dict.fromkeys(spec.pools, 0)
    for second in range(seconds):
        now_s = START_S + second
        running = RUNNING * (1 + 0.5 * math.sin(2 * math.pi * second / PERIOD_S))
        token_s = STEP_S + PER_REQUEST_S * running
        shown = {}
        for name in spec.pools:
            generated[name] += round(running / token_s)
            states = tuple(_state(name, number, now_s, draw, running, generated[name]) for number in range(replicas))
            arrivals = replicas * running / (token_s * ANSWER_TOKENS)
            shown[name] = PoolSignals(
                pool=name, target=replicas, replicas=states,
                demand=PoolDemand(arrivals, PROMPT_TOKENS, ANSWER_TOKENS, answers_per_s=arrivals, taken_per_s=arrivals),
                demand_as_of_s=now_s, cold_start_s=60.0,
            )  # fmt: skip
        yield now_s, shown


def _state(pool: str, number: int, now_s: float, draw: random.Random, running: float, generated: int) -> ReplicaState:
    """One replica's report, somewhat off the mean."""
    batch = round(running * draw.uniform(0.8, 1.2))
    return ReplicaState(
        pool=pool, replica_id=f"{pool}-{number:05}", node_id="", as_of_s=now_s, running=batch,
        kv_usage_ratio=min(1.0, batch * 1_100 / KV_TOKENS), kv_capacity_tokens=KV_TOKENS,
        generated_tokens_total=generated, max_context_tokens=8_192, start_s=30.0,
    )  # fmt: skip


def measure(spec: FleetSpec, load: Iterator[tuple[float, Mapping[str, PoolSignals]]]) -> np.ndarray:
    """CPU milliseconds of each decision. None may hold for lack of signals, which would cost nothing."""
    planner, taken = Planner(spec), []
    for now_s, signals in load:
        began = time.process_time()
        decisions = planner.decide(signals, now_s)
        taken.append(1e3 * (time.process_time() - began))
        held = [each.reason for each in decisions.values() if each.reason.startswith("held")]
        assert not held, held[0]
    return np.array(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, default=500, help="of each pool")
    parser.add_argument("--seconds", type=int, default=600, help="decisions, one a second")
    arguments = parser.parse_args()
    spec = fleet(arguments.replicas)
    taken = measure(spec, seconds_of_load(spec, arguments.replicas, arguments.seconds))
    p50, p99 = np.percentile(taken, (50, 99))
    print(
        f"{len(spec.pools)} pools of {arguments.replicas} replicas, {len(taken)} decisions: "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {taken.max():.1f} ms of CPU"
    )


if __name__ == "__main__":
    main()
