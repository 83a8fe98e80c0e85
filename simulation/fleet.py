"""The simulated fleet: requests, replicas and scaling on a virtual clock.

A heap orders events by time, and requests come from the workload at their arrival times. Equal spec, workload, seed and
policy give exactly the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count

from autoscaling.lateness import is_late
from autoscaling.types import ScalingPolicy
from cluster.spec import FleetSpec
from cluster.state import PoolState
from cluster.usage import Usage
from router.desk import Ticket
from router.types import NoPool
from simulation.arrivals import Arrivals
from simulation.desk import SimulatedDesk
from simulation.job import Job
from simulation.launching import ColdStart, Launch, Launcher
from simulation.outcomes import Outcomes, ttft_limit_s
from simulation.pools import Pool
from simulation.replica import EPOCH_S, NEVER, Replica
from simulation.scaling import Scaling
from simulation.series import Series
from simulation.timing import EngineShape

REPORT_EVERY_S = 1.0
"""Seconds between two reports of the replicas to the gateway."""


@dataclass(frozen=True)
class Conditions:
    """Settings of a simulation."""

    shapes: Mapping[str, EngineShape]
    """Engine shape by pool."""
    cold_start: ColdStart = field(default_factory=ColdStart)
    seed: int = 0
    """Random seed of cold starts and replica choice."""
    decide_every: int = 2
    """Number of reports between two decisions of the policy."""


@dataclass(frozen=True)
class Run:
    """The results of a run."""

    outcomes: Outcomes
    series: Series
    used_s: Mapping[str, Sequence[tuple[float, float]]]
    """Launch and release times of every replica, by pool."""
    preemptions: int


class Fleet:
    """One run. Times are seconds of the simulation; measuring starts at 0."""

    def __init__(self, spec: FleetSpec, arrivals: Arrivals, conditions: Conditions, policy: ScalingPolicy) -> None:
        self._spec, self._arrivals, self._conditions = spec, arrivals, conditions
        self._names = list(spec.pools)
        self._launcher = Launcher(spec, conditions.cold_start, conditions.seed)
        self._pools = {
            name: Pool(name, pool, conditions.shapes[name], self._launcher, conditions.seed)
            for name, pool in spec.pools.items()
        }
        # The first snapshot is taken before the first request.
        start_s = min(float(arrivals.workload.arrival_s[0]), 0.0) - REPORT_EVERY_S
        self._now = start_s
        self._desk = SimulatedDesk(spec, arrivals.model)
        self._scaling = Scaling(policy, self._pools, start_s)
        self._outcomes = Outcomes.empty(len(arrivals.workload))
        self._gateway_capacity = spec.gateway.replicas.max * spec.gateway.max_ongoing_per_replica
        self._max_tokens = int(arrivals.workload.answer_tokens.max(initial=1))
        self._at_gateway = 0
        self._preemptions = 0
        self._events: list[tuple[float, int, Replica | Launch | None]] = []
        self._numbers = count()

    def run(self, progress: Callable[[float], None] = lambda share: None) -> Run:
        """Run the workload until its last request has finished.

        Args:
            progress: callback with the completed share of the workload's time, 0..1.
        """
        arrivals = [*self._arrivals.workload.arrival_s.tolist(), NEVER]
        duration_s = self._arrivals.workload.duration_s
        last_s = duration_s + self._spec.gateway.request_timeout_s
        self._begin()
        index, reports = 0, 0
        while (arrivals[index] < NEVER or self._at_gateway or self._now < duration_s) and self._now < last_s:
            at_s, _, subject = self._events[0]
            if arrivals[index] <= at_s:
                self._now = arrivals[index]
                self._arrive(index)
                index += 1
                continue
            heappop(self._events)
            self._now = at_s
            if isinstance(subject, Replica):
                self._end_step(subject)
            elif isinstance(subject, Launch):
                self._start(subject)
            else:
                self._report(decides=reports % self._conditions.decide_every == 0)
                reports += 1
                progress(min(1.0, (at_s - arrivals[0]) / (duration_s - arrivals[0])))
        return self._finish(duration_s)

    # -- requests ----------------------------------------------------------------------------------------------

    def _arrive(self, index: int) -> None:
        """Admit and route a request, and submit it to a replica if one has room."""
        workload = self._arrivals.workload
        prompt_tokens, answer_tokens = int(workload.prompt_tokens[index]), int(workload.answer_tokens[index])
        ticket = self._ticket(index, prompt_tokens)
        if ticket is None:
            self._outcomes.shed[index] = True
            return
        pool = self._pools[ticket.decision.pool]
        for name in ticket.decision.demanded:
            self._scaling.demand[name].arrived(self._now, prompt_tokens)
        self._scaling.demand[pool.name].taken(self._now)
        self._outcomes.pool[index] = self._names.index(pool.name)
        self._outcomes.ttft_limit_s[index] = ttft_limit_s(pool.shape, prompt_tokens)
        if prompt_tokens >= pool.shape.max_context_tokens:
            return ticket.close()  # the engine rejects it
        answer_tokens = min(answer_tokens, pool.shape.max_context_tokens - prompt_tokens)
        hashes = workload.hashes[index] if workload.hashes is not None else ()
        self._at_gateway += 1
        pool.held.append(Job(index, self._now, prompt_tokens, answer_tokens, hashes, ticket))
        self._submit_held(pool)

    def _ticket(self, index: int, prompt_tokens: int) -> Ticket | None:
        """The desk's ticket for a request; None if the gateway is full or the router has no pool for it."""
        if self._at_gateway >= self._gateway_capacity:
            return None
        query = self._arrivals.queries[index]
        request = replace(query, prompt_tokens=prompt_tokens, max_tokens=self._max_tokens)
        try:
            return self._desk.open(request, EPOCH_S + self._now)
        except NoPool:
            return None

    def _submit_held(self, pool: Pool) -> None:
        """Submit held requests to replicas that have room, oldest first."""
        while pool.held:
            if self._now - pool.held[0].arrival_s > self._spec.gateway.first_token_timeout_s:
                self._leave(pool, pool.held.popleft())
                continue
            replica = pool.pick()
            if replica is None:
                return
            ends_s = replica.ends_s
            replica.submit(pool.held.popleft(), self._now)
            self._follow(pool, replica, ends_s)

    def _end_step(self, replica: Replica) -> None:
        if replica.ends_s != self._now:
            return  # an arrival has moved the event
        replica.end_step(self._now)
        pool = self._pools[replica.pool]
        left = bool(replica.left)
        self._follow(pool, replica, NEVER)
        if left:
            self._submit_held(pool)

    def _follow(self, pool: Pool, replica: Replica, known_s: float) -> None:
        """Process a replica's finished requests, and schedule its next event if it changed."""
        for job in replica.left:
            self._leave(pool, job)
        replica.left.clear()
        if replica.ends_s != known_s:
            heappush(self._events, (replica.ends_s, next(self._numbers), replica))
        if not replica.ongoing and replica in pool.draining:
            pool.release(replica, self._now)
            self._preemptions += replica.preemptions
            self._place()

    def _leave(self, pool: Pool, job: Job) -> None:
        """Record the outcome of a request."""
        self._at_gateway -= 1
        if job.first_s == NEVER:
            return self._close(pool, job, Usage())
        first_s, whole_s = job.first_s - job.arrival_s, self._now - job.arrival_s
        self._outcomes.ttft_s[job.index] = first_s
        self._outcomes.tpot_s[job.index] = (whole_s - first_s) / max(job.answer_tokens - 1, 1)
        late = is_late(self._spec.scaling, first_s, whole_s, job.answer_tokens)
        self._scaling.demand[pool.name].answered(self._now, job.answer_tokens, late=late)
        self._close(pool, job, Usage(job.prompt_tokens, job.answer_tokens))

    def _close(self, pool: Pool, job: Job, usage: Usage) -> None:
        """Charge a request and close its ticket, as a gateway does."""
        if job.ticket is None:
            return
        job.ticket.spent(pool.name, usage)
        if usage.completion_tokens:
            job.ticket.answered(pool.name)
        job.ticket.close()

    # -- replicas ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Start the initial fleet, as Serve does, before the first request."""
        for name, pool in self._spec.pools.items():
            self._pools[name].resize(max(pool.replicas.min, 1), self._now)
        for launch in self._launcher.place(self._now, at_once=True):
            self._start(launch)
        heappush(self._events, (self._now, next(self._numbers), None))

    def _report(self, *, decides: bool) -> None:
        """Take a snapshot of the fleet for the router and, if `decides`, call the policy."""
        fleet = {
            name: PoolState(name, tuple(replica.state(self._now) for replica in pool.ready))
            for name, pool in self._pools.items()
        }
        self._desk.see(fleet)
        for pool in self._pools.values():
            self._submit_held(pool)  # also ends requests that have waited too long
        if decides:
            for name, desired in self._scaling.decide(fleet, self._now).items():
                self._resize(self._pools[name], desired)
            self._place()
        heappush(self._events, (self._now + REPORT_EVERY_S, next(self._numbers), None))

    def _resize(self, pool: Pool, desired: int) -> None:
        for replica in pool.resize(desired, self._now):
            self._follow(pool, replica, replica.ends_s)

    def _place(self) -> None:
        for launch in self._launcher.place(self._now):
            heappush(self._events, (launch.ready_s, next(self._numbers), launch))

    def _start(self, launch: Launch) -> None:
        pool = self._pools[launch.pool]
        if launch in pool.launches:  # otherwise it was cancelled
            pool.start(launch, self._spec.gateway.first_token_timeout_s)
            self._submit_held(pool)

    def _finish(self, duration_s: float) -> Run:
        for pool in self._pools.values():
            pool.close(max(self._now, duration_s))
            self._preemptions += sum(replica.preemptions for replica in (*pool.ready, *pool.draining))
        used_s = {name: pool.used_s for name, pool in self._pools.items()}
        return Run(self._outcomes, self._scaling.series, used_s, self._preemptions)
