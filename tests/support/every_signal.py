"""Traffic that moves every metric of a fleet: what a calm run would leave without a series is done on purpose."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

KEYS = {"team-a": "key-a", "team-b": "key-b"}
HARD = "Explain in detail why the sky is blue and derive Rayleigh scattering."
GOOD_ENOUGH = "auto:cheap,quality=0.9"
"""What the rules send HARD to a mixture of experts for, and else to a large model."""
QUERIES = ("What is 7 + 5?", "sort 3 1 2", HARD, "Tom has 3 apples and buys 4 more. How many has he?")
SPEC = """
hardware:
  cpu: {{device: cpu, nodes: 2, devices_per_node: 2}}
pools:
  small:
    tier: small
    model: demo/models/small
    replicas: {{min: 1, max: 2}}
    prices: {{input_per_mtok: 0.1, output_per_mtok: 1, replica_per_hour: 0.1}}
    engine: {{kind: vllm, options: &tiny {{dtype: float32, enforce_eager: true, max_model_len: 1024, block_size: 32,
              kv_cache_memory_bytes: 33554432, max_num_seqs: 4}}}}
  moe: # sleeps, until somebody would rather have it than a full small pool
    tier: moe
    model: demo/models/small
    served_name: sleeper
    replicas: {{min: 0, max: 1}}
    prices: {{input_per_mtok: 0.3, output_per_mtok: 3, replica_per_hour: 0.2}}
    engine: {{kind: vllm, options: *tiny}}
  large: # a cache of two long answers, so that a third is preempted
    tier: large
    model: demo/models/large
    prices: {{input_per_mtok: 1, output_per_mtok: 10, replica_per_hour: 0.4}}
    engine: {{kind: vllm, options: {{<<: *tiny, kv_cache_memory_bytes: 12582912, max_num_seqs: 16}}}}
scaling: {{idle_s: 10, cold_start_s: 20, upscale_delay_s: 1, downscale_delay_s: 20, ttft_target_s: 0.05}}
gateway:
  api_keys:
    team-a: {{sha256: {team_a}}}
    team-b: {{sha256: {team_b}, default: auto:cheap}}
routing:
  artifact: rules
  state_folder: {folder}
  max_wait_s: 0.2
  budget: {{mean_cost: 0.0001}}
  escalation: {{hold_tokens: 4, hold_s: 60, min_gain: 0}}
  shadow: {{pool: large, share: 0.3}}
  feedback: {{}}
"""


def spec_text(folder: Path) -> str:
    """The fleet's spec, with its state in a folder."""
    digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
    return SPEC.format(folder=folder, team_a=digests["team-a"], team_b=digests["team-b"])


class Traffic:
    """Requests of two tenants for as long as it is entered: short and long, streams and whole, pinned and not."""

    def __init__(self, url: str, clients: int = 10) -> None:
        self.url = url
        self._clients = clients
        self._stop = threading.Event()
        self._http = httpx.Client(base_url=url, timeout=300, limits=httpx.Limits(max_connections=None))

    def __enter__(self) -> Traffic:
        workers: list[Callable[[], None]] = [*[self._ask_auto] * self._clients, *[self._write_long] * 4, self._be_wrong]
        self._pool = ThreadPoolExecutor(len(workers))
        self._running = [self._pool.submit(self._go, work) for work in workers]
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        self._http.close()

    def ask(self, query: str, key: str = "key-a", **body: Any) -> httpx.Response:
        """A chat of one message."""
        given = {"model": "auto", "messages": [{"role": "user", "content": query}], "max_tokens": 48, **body}
        return self._http.post("/v1/chat/completions", json=given, headers={"authorization": f"Bearer {key}"})

    def stream_then_leave(self) -> None:
        """A client that goes away after the first bytes."""
        body = {"model": "large", "messages": [{"role": "user", "content": "list"}], "max_tokens": 900, "stream": True}
        headers = {"authorization": "Bearer key-a"}
        with self._http.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            next(answer.iter_raw())

    def _go(self, work: Callable[[], None]) -> None:
        while not self._stop.is_set():
            with suppress(httpx.HTTPError):  # a replica that is killed on purpose, a fleet that is stopped
                work()

    def _ask_auto(self) -> None:
        for number, query in enumerate(QUERIES):
            answer = self.ask(query, list(KEYS.values())[number % 2], stream=number % 2 == 0)
            if number == 1 and answer.status_code == 200:
                said = {"request_id": answer.headers["x-request-id"], "score": 1.0}
                self._http.post("/v1/feedback", json=said, headers={"authorization": "Bearer key-b"})

    def _write_long(self) -> None:
        self.ask("Write a long list.", model="large", max_tokens=900, ignore_eos=True, stream=True)

    def _be_wrong(self) -> None:
        """What is refused, what leaves early, and what wants a pool that sleeps, one after the other."""
        wrong: list[Callable[[], Any]] = [
            lambda: self.ask("hi", key="unknown"),
            lambda: self.ask("hi", max_tokens=-1),
            self.stream_then_leave,
            lambda: self.ask(HARD, model=GOOD_ENOUGH, max_tokens=8),
        ]
        for each in wrong:
            each()
            self._stop.wait(1.0)
