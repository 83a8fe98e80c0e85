"""Pools to scale in tests: specs, signals, and a fluid model of a pool whose replicas share a load evenly."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from autoscaling.types import PoolDemand, PoolSignals
from cluster.spec import FleetSpec
from cluster.state import ReplicaState

START_S = 1_000_000.0
PROMPT, ANSWER = 1_000.0, 200.0


def fleet_spec(pools, devices=1_000, standby=0, **scaling):
    """A spec with pools by name: (minimum, maximum) or (minimum, maximum, devices of a replica); all with standby."""
    tiers = dict(zip(pools, ("small", "moe", "large"), strict=False))
    return FleetSpec.model_validate(
        {
            "hardware": {"gpu": {"device": "H100", "devices_per_node": devices}},
            "pools": {
                name: {
                    "tier": tiers[name],
                    "model": name,
                    "parallel": {"tensor": (*shape, 1)[2]},
                    "replicas": {"min": shape[0], "max": shape[1], "standby": standby},
                    "engine": {"kind": "vllm", "options": {"max_num_seqs": 256}},
                }
                for name, shape in pools.items()
            },
            "scaling": {"policy": "signalbox"} | scaling,
        }
    )


def report(number=0, now_s=START_S, waiting=0, running=0, usage=0.0, **more):
    """A report of a replica of the pool `small`."""
    fields = {"kv_capacity_tokens": 400_000, "generated_tokens_total": 0} | more
    return ReplicaState("small", f"r{number}", "n", now_s, waiting, running, usage, **fields)


def signals(replicas=(), now_s=START_S, target=None, **more):
    """Signals of the pool `small`, fields of its demand included; nothing starts unless `target` says so."""
    target = len(replicas) if target is None else target
    demand = PoolDemand(prompt_tokens=PROMPT, answer_tokens=ANSWER, taken_per_s=more.get("arrivals_per_s", 0.0))
    return changed(PoolSignals("small", target, tuple(replicas), demand, now_s, cold_start_s=60.0), **more)


def changed(shown, **more):
    """Signals with other values of some fields, those of the demand included."""
    demand = {name: more.pop(name) for name in vars(shown.demand) if name in more}
    return replace(shown, demand=replace(shown.demand, **demand), **more)


@dataclass
class FluidPool:
    """Replicas whose requests flow: those in a batch get a token every base + slope x batch seconds.

    The slope contains the reading of prompts in the usual mix. Requests beyond `slots` wait.
    """

    target: int = 1
    base_s: float = 0.02
    slope_s: float = 0.0005
    slots: float = 256.0
    cold_start_s: float = 60.0
    now_s: float = START_S
    ongoing: float = 0.0
    ready: int = field(init=False)
    starts: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ready = self.target

    def scale(self, desired: int) -> None:
        """Ask for replicas."""
        self.starts += [self.now_s + self.cold_start_s] * max(0, desired - self.target)
        for _ in range(max(0, self.target - desired)):
            if self.starts:
                self.starts.pop()
            else:
                self.ready -= 1
                self.tokens.pop()
        self.target = desired

    @property
    def tpot_s(self) -> float:
        """Time per token now."""
        return self.base_s + self.slope_s * min(self.ongoing / max(self.ready, 1), self.slots)

    def run(self, arrivals_per_s: float, seconds: float) -> PoolSignals:
        """Let time pass and show the pool."""
        steps = 4
        for _ in range(steps):
            self.now_s += seconds / steps
            self.ready += sum(at_s <= self.now_s for at_s in self.starts)
            self.starts = [at_s for at_s in self.starts if at_s > self.now_s]
            self.tokens += [0.0] * (self.ready - len(self.tokens))
            running = min(self.ongoing, self.slots * self.ready)
            generated = running / self.tpot_s * seconds / steps
            self.tokens = [total + generated / max(self.ready, 1) for total in self.tokens]
            self.ongoing = max(0.0, self.ongoing + arrivals_per_s * seconds / steps - generated / ANSWER)
        return self.shown(arrivals_per_s)

    def shown(self, arrivals_per_s: float) -> PoolSignals:
        """The pool's signals now."""
        share = self.ongoing / max(self.ready, 1)
        running = min(share, self.slots)
        usage = min(1.0, running * (PROMPT + ANSWER / 2) / 400_000)
        replicas = [
            report(n, self.now_s, round(share - running), round(running), usage, generated_tokens_total=int(total))
            for n, total in enumerate(self.tokens)
        ]
        held = round(self.ongoing) if not self.ready else 0
        return signals(
            replicas,
            self.now_s,
            self.target,
            arrivals_per_s=arrivals_per_s,
            held=held,
            cold_start_s=self.cold_start_s,
        )
