"""The vLLM engine: an AsyncLLM with vLLM's OpenAI serving layer in the replica's process, without a second server."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from cluster.spec import FleetSpec
from cluster.state import RankState
from deployments.engines.base import EngineStats, warm_up
from deployments.wire.errors import EngineDead, error_body
from deployments.wire.frames import Closed, EngineRequest, Frame, Opened
from deployments.wire.start_phases import Phase, StartClock, slowest

# vLLM reads these when it is imported.
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")

import ray
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import State
from vllm.entrypoints.launchers.api_server.app_state import init_app_state
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.completion.protocol import CompletionRequest
from vllm.entrypoints.serve.engine.protocol import ErrorResponse
from vllm.entrypoints.serve.exception_handling.error_response import create_error_response
from vllm.entrypoints.serve.tokenize.protocol import DetokenizeRequest, TokenizeRequest
from vllm.usage.usage_lib import UsageContext
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.metrics.ray_wrappers import RayPrometheusStatLogger

from deployments.engines.vllm.arguments import vllm_arguments
from deployments.engines.vllm.device_turn import device_turn
from deployments.engines.vllm.ranks import unlink_shared_memory
from deployments.engines.vllm.tap import CURRENT_TAP, LatestStats, Tap, TappedLLM

REQUEST_TYPES: dict[str, TypeAdapter[Any]] = {
    "chat": TypeAdapter(ChatCompletionRequest),
    "completion": TypeAdapter(CompletionRequest),
    "tokenize": TypeAdapter(TokenizeRequest),
    "detokenize": TypeAdapter(DetokenizeRequest),
}


class VllmEngine:
    """Hosts one model; see `deployments.engines.base.Engine`."""

    def __init__(self, spec: FleetSpec, pool_name: str) -> None:
        self.spec, self.pool_name = spec, pool_name
        self.pool = spec.pools[pool_name]
        self.engine: TappedLLM | None = None
        self.state = State()
        self.loggers: list[LatestStats] = []
        self.rank_states: tuple[RankState, ...] = ()
        self.rank_actors: frozenset[str] = frozenset()

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self) -> Mapping[Phase, float]:
        """Load the model and answer a warm-up request, whose first run compiles and allocates."""
        clock = StartClock()
        with clock.phase("launch"):
            async with device_turn(self.pool.gpu_fraction):
                self.engine = await self._launch()
        with clock.phase("warm_up"):
            await warm_up(self, self.pool.public_name)
        # Every data-parallel copy is asked; AsyncLLM.collective_rpc would ask the first one only.
        ask = self.engine.engine_core.call_utility_all_async
        reports = [report for copy in await ask("collective_rpc", "rank_report", None, (), None) for report in copy]
        unlink_shared_memory()  # the ranks have done the same
        self.rank_states = tuple(
            RankState(rank, report["node_id"], report["pid"], tuple(report["experts"]))
            for rank, report in enumerate(reports)
        )
        named = await asyncio.to_thread(_actor_names)
        self.rank_actors = frozenset(name for name in named if self.engine.vllm_config.instance_id in name)
        clock.split("launch", slowest([report["phases_s"] for report in reports]))
        return clock.seconds

    async def _launch(self) -> TappedLLM:
        """vLLM's engine and its serving layer."""
        if Path(self.pool.model).is_dir():
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
            os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
        if self.pool.parallel.devices == 1:
            # Lets vLLM on CPU run the one rank inside EngineCore: a process and some 400 MB fewer.
            os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
        engine_args, namespace = vllm_arguments(self.spec, self.pool_name)
        loggers: list[Any] = [RayPrometheusStatLogger, self._make_logger]
        # The context chooses the batch's default size in tokens: as for vLLM's own server.
        context = UsageContext.OPENAI_API_SERVER
        made = TappedLLM.from_engine_args(engine_args, usage_context=context, stat_loggers=loggers)
        engine = cast(TappedLLM, made)
        # The serving layer reads this from the arguments, where the spec may have written it as a mapping.
        namespace.structured_outputs_config = engine.vllm_config.structured_outputs_config
        tasks = await engine.get_supported_tasks()
        await init_app_state(engine, self.state, namespace, supported_tasks=tasks)
        return engine

    def _make_logger(self, vllm_config: Any, engine_index: int) -> LatestStats:
        logger = LatestStats(vllm_config, engine_index)
        self.loggers.append(logger)
        return logger

    async def stop(self) -> None:
        """End EngineCore and its workers."""
        if self.engine is not None:
            await asyncio.to_thread(self.engine.shutdown)

    # -- serving ---------------------------------------------------------------------------------------------

    async def generate(self, request: EngineRequest) -> AsyncIterator[Frame]:
        """Answer through vLLM's serving layer."""
        tap = Tap(request.judged_tokens)
        token = CURRENT_TAP.set(tap)
        try:
            answering = asyncio.create_task(self._ask(request))
            try:
                async for progress in tap.progress_until(answering):
                    yield progress
            finally:
                answering.cancel()  # it has ended, or the request is cancelled
            answer = answering.result()
            if isinstance(answer, AsyncGenerator):
                async for frame in self._stream(answer, tap):
                    yield frame
                return
            if tap.dead:
                raise EngineDead("vLLM's engine died during the request")
            status, body = _unary(answer)
            yield Opened(status)
            yield tap.chunk(body)
            yield Closed(tap.usage(), tap.reason)
        except EngineDeadError as error:
            raise EngineDead("vLLM's engine died during the request") from error
        finally:
            # If another task closes the generator, this runs in that task's context.
            if CURRENT_TAP.get() is tap:
                CURRENT_TAP.reset(token)

    async def _ask(self, request: EngineRequest) -> Any:
        """vLLM's response object, an ErrorResponse, or its stream of server-sent events."""
        body = request.body
        if request.kind in ("chat", "completion"):
            body = {**body, "priority": request.priority, "request_id": request.request_id}
        try:
            parsed = REQUEST_TYPES[request.kind].validate_python(body)
            handler: Callable[[], Awaitable[Any]] = {
                "chat": lambda: self.state.openai_serving_chat.create_chat_completion(parsed, None),
                "completion": lambda: self.state.openai_serving_completion.create_completion(parsed, None),
                "tokenize": lambda: self.state.serving_tokenization.create_tokenize(parsed, None),
                "detokenize": lambda: self.state.serving_tokenization.create_detokenize(parsed, None),
            }[request.kind]
            return await handler()
        except ValidationError as error:
            return _validation_problem(error)
        except EngineDeadError:
            raise
        except Exception as error:
            # vLLM's own server translates the errors of its handlers in the same way.
            return create_error_response(error)

    async def _stream(self, events: AsyncGenerator[str, None], tap: Tap) -> AsyncIterator[Frame]:
        """Frames of a stream. A rejection that vLLM raises before the first event is still an HTTP error."""
        opened = False
        try:
            async for event in events:
                if tap.dead:
                    raise EngineDead("vLLM's engine died during the stream")
                if not opened:
                    opened = True
                    yield Opened(200, streams=True)
                for progress in tap.new_progress():
                    yield progress
                yield tap.chunk(event.encode())
        finally:
            await events.aclose()
        yield Closed(tap.usage(), tap.reason)

    # -- reports ---------------------------------------------------------------------------------------------

    def stats(self) -> EngineStats:
        """The scheduler's last numbers, summed over data-parallel engines."""
        if self.engine is None or not self.loggers:
            return EngineStats(as_of_s=0.0)
        readings = [logger.stats for logger in self.loggers]
        config = self.engine.vllm_config
        blocks = (config.cache_config.num_gpu_blocks or 0) * config.cache_config.block_size
        stats = EngineStats(
            # vLLM reports only when it steps. An idle engine's last report stays valid, a busy engine's becomes stale.
            as_of_s=time.time() if self.engine.ongoing == 0 else min(r.as_of_s for r in readings),
            waiting=sum(r.waiting for r in readings),
            running=sum(r.running for r in readings),
            kv_usage_ratio=sum(r.kv_usage_ratio for r in readings) / len(readings),
            kv_capacity_tokens=blocks * len(readings),
            preemptions_total=sum(r.preemptions_total for r in readings),
            generated_tokens_total=self.engine.generated_tokens_total,
            max_context_tokens=config.model_config.max_model_len,
        )
        idle = self.engine.ongoing == 0 and stats.running + stats.waiting > 0
        return replace(stats, as_of_s=min(r.as_of_s for r in readings)) if idle else stats

    def ranks(self) -> tuple[RankState, ...]:
        """The ranks, as the live workers reported after the warm-up request."""
        return self.rank_states

    async def check_health(self) -> None:
        """Check vLLM, whose monitor detects a dead process within milliseconds, and the ranks that are Ray actors.

        Without the second check, EngineCore would wait silently forever for a rank that died on another node.
        """
        try:
            if self.engine is None:
                raise EngineDead("the engine has not started")
            await self.engine.check_health()
        except EngineDeadError as error:
            raise EngineDead(f"vLLM's engine is dead: {error}") from error
        if self.rank_actors and (gone := self.rank_actors - await asyncio.to_thread(_actor_names)):
            raise EngineDead(f"{len(gone)} of {len(self.rank_actors)} ranks died")


def _actor_names() -> frozenset[str]:
    """Names of the live actors of the whole cluster, because EngineCore starts its ranks in a separate namespace."""
    if not ray.is_initialized():
        return frozenset()
    return frozenset(actor["name"] for actor in ray.util.list_named_actors(all_namespaces=True))


def _unary(answer: Any) -> tuple[int, bytes]:
    """Status and JSON body of a response object or an ErrorResponse, the latter in OpenAI's format."""
    if isinstance(answer, ErrorResponse):
        error = answer.error
        return error.code, error_body(error.code, error.message, param=error.param)
    model: BaseModel = answer
    return 200, model.model_dump_json().encode()


def _validation_problem(error: ValidationError) -> ErrorResponse:
    """The first problem that pydantic found, with the field's path."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return create_error_response(f"{where or 'request'}: {problem['msg']}", param=where or None)
