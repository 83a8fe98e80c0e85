"""`python greedy_tokens.py SPEC.yaml POOL`: one replica's engine, placed as Serve places it, on a local Ray cluster.

Prints JSON: the greedy tokens of PROMPTS demo tasks, and the engine's ranks.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

PROMPTS, TOKENS = 24, 64


class EngineHost:
    """An engine where a replica would be."""

    def __init__(self, spec: dict[str, Any], pool: str) -> None:
        from cluster.spec import FleetSpec
        from deployments.engines.base import make_engine

        self.engine = make_engine(FleetSpec.model_validate(spec), pool)
        self.pool = pool

    async def answer(self, prompts: list[str]) -> dict[str, Any]:
        """Start, answer all prompts at once, stop."""
        import ray

        await self.engine.start()
        tokens = await asyncio.gather(*(self._one(f"request-{i}", prompt) for i, prompt in enumerate(prompts)))
        ranks = [vars(rank) for rank in self.engine.ranks()]
        await self.engine.stop()
        return {"tokens": tokens, "ranks": ranks, "node_id": ray.get_runtime_context().get_node_id()}

    async def _one(self, request_id: str, prompt: str) -> list[int]:
        from deployments.wire.frames import Chunk, EngineRequest

        body = {
            "model": "model",
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": TOKENS,
            "temperature": 0,
            "ignore_eos": True,
        }
        frames = self.engine.generate(EngineRequest("chat", body, request_id))
        return [token for frame in [f async for f in frames] if isinstance(frame, Chunk) for token in frame.token_ids]


def main(path: str, pool: str) -> None:
    """Run one layout."""
    from cluster.loading import load_spec
    from demo.tasks import generate_tasks
    from deployments.local.fleet import LocalFleet
    from deployments.placement import actor_options, placement_options

    spec = load_spec(Path(path))
    fleet = LocalFleet(spec)
    try:
        fleet.start_nodes()
        import ray
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        options = actor_options(spec, pool)
        if group := placement_options(spec, pool):
            made = ray.util.placement_group(
                group["placement_group_bundles"],
                group["placement_group_strategy"],
                bundle_label_selector=group["placement_group_bundle_label_selector"],
            )
            options["scheduling_strategy"] = PlacementGroupSchedulingStrategy(
                made, placement_group_bundle_index=0, placement_group_capture_child_tasks=True
            )
        host = ray.remote(EngineHost).options(**options).remote(spec.model_dump(mode="json"), pool)
        prompts = [task.prompt for task in generate_tasks(PROMPTS, seed=3, fresh=None)]
        print("RESULT " + json.dumps(ray.get(host.answer.remote(prompts))))
    finally:
        fleet.stop(keep_logs="--keep-logs" in sys.argv)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
