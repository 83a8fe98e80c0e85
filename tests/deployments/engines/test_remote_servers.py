"""The remote engine against real servers: vLLM's own, and llama.cpp's where llama-cpp-python is installed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
import time

import httpx
import pytest

from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from deployments.engines.base import make_engine
from deployments.local.ports import free_port
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened

MODELS = PROJECT_ROOT / "demo" / "models"
CHAT = {"messages": [{"role": "user", "content": "What is 7 + 5?"}], "temperature": 0, "max_tokens": 24}
READY_TIMEOUT_S = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def vllm_server(folder, port):
    options = "--dtype float32 --enforce-eager --max-model-len 512 --block-size 32 --kv-cache-memory-bytes 33554432"
    return [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(MODELS / "large"), "--host",
            "127.0.0.1", "--port", str(port), "--served-model-name", "their-model", *options.split()]  # fmt: skip


def llama_cpp_server(folder, port):
    if importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("llama-cpp-python is not installed: pip install -e '.[llama-cpp]'")
    from demo.gguf import write_gguf

    write_gguf(MODELS / "large", folder / "large.gguf")
    return [sys.executable, "-m", "llama_cpp.server", "--model", str(folder / "large.gguf"), "--host", "127.0.0.1",
            "--port", str(port), "--n_ctx", "512", "--model_alias", "their-model"]  # fmt: skip


@pytest.fixture(scope="module", params=[vllm_server, llama_cpp_server], ids=["vllm", "llama.cpp"])
def server(request, tmp_path_factory):
    """What made the server, and its base URL."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    log = folder / "server.log"
    with log.open("w") as output:
        command = request.param(folder, port)
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    url, deadline = f"http://127.0.0.1:{port}/v1", time.monotonic() + READY_TIMEOUT_S
    while True:
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        try:
            if httpx.get(f"{url}/models", timeout=2).status_code == 200:
                break
        except httpx.HTTPError:
            time.sleep(0.5)
    yield request.param, url
    process.terminate()
    process.wait(timeout=30)


def ask(url, kind="chat", **body):
    """Frames of one request through a started engine."""
    options = {"base_url": url, "model": "their-model"}
    pool = {"tier": "large", "model": "mine", "engine": {"kind": "remote", "options": options}}

    async def run():
        engine = make_engine(FleetSpec.model_validate({"pools": {"p": pool}}), "p")
        await engine.start()
        try:
            return [frame async for frame in engine.generate(EngineRequest(kind, body, "r"))]
        finally:
            await engine.stop()

    return asyncio.run(run())


def text_of(frames):
    return b"".join(frame.data for frame in frames if isinstance(frame, Chunk)).decode()


def test_a_chat_is_answered(server):
    frames = ask(server[1], **CHAT)
    answer = json.loads(text_of(frames))
    assert frames[0] == Opened(200)
    assert answer["choices"][0]["message"]["content"].strip().endswith("12")
    assert frames[-1].usage.prompt_tokens == answer["usage"]["prompt_tokens"] > 0
    assert frames[-1].usage.completion_tokens > 0


def test_a_stream_passes_through(server):
    frames = ask(server[1], **CHAT, stream=True)
    events = [line.removeprefix("data: ") for line in text_of(frames).splitlines() if line]
    deltas = [json.loads(event)["choices"][0]["delta"] for event in events[:-1]]
    assert (frames[0], events[-1]) == (Opened(200, streams=True), "[DONE]")
    assert "".join(delta.get("content") or "" for delta in deltas).strip().endswith("12")
    assert isinstance(frames[-1], Closed)
    assert frames[-1].usage.completion_tokens > 0


def test_a_completion_is_answered(server):
    frames = ask(server[1], "completion", prompt="What is 7 + 5?", max_tokens=4, temperature=0)
    assert frames[0] == Opened(200)
    assert "text" in json.loads(text_of(frames))["choices"][0]


def test_what_the_client_did_wrong_is_translated(server):
    frames = ask(server[1], **{**CHAT, "temperature": "warm"})
    # llama-cpp-python answers 500 to a field of the wrong type, which here is a failure of the remote.
    status, word = (400, "temperature") if server[0] is vllm_server else (502, "failed with status 500")
    assert frames[0] == Opened(status)
    assert word in json.loads(text_of(frames))["error"]["message"]
