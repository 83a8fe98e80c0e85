"""The shipped list of vLLM's argument names is the installed release's."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from cluster.engine_kinds import SIMULATED_OPTIONS, VLLM_OPTIONS
from cluster.loading import PROJECT_ROOT, load_spec
from cluster.options import vllm_argument_names

RENEW = """renew it with:
python -c "import dataclasses as d, json
from vllm.engine.arg_utils import AsyncEngineArgs as A
from vllm.entrypoints.launchers.cli_args import BaseFrontendArgs as F
names = sorted({f.name for k in (A, F) for f in d.fields(k)})
print(json.dumps(names, indent=0))" > cluster/vllm_arguments.json"""


@pytest.mark.engine
def test_names_are_those_of_the_installed_vllm():
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.entrypoints.launchers.cli_args import BaseFrontendArgs

    installed = {field.name for kind in (AsyncEngineArgs, BaseFrontendArgs) for field in dataclasses.fields(kind)}
    assert vllm_argument_names() == installed, RENEW


def test_options_with_a_meaning_here_exist_in_vllm():
    assert set(VLLM_OPTIONS.values) | set(VLLM_OPTIONS.refused) <= vllm_argument_names()


def test_the_simulated_engine_reads_every_option_it_may_be_given():
    from deployments.engines import simulated

    source = inspect.getsource(simulated)
    assert {name for name in SIMULATED_OPTIONS.values if f'"{name}"' not in source} == set()


@pytest.mark.engine
@pytest.mark.parametrize("path", sorted((PROJECT_ROOT / "examples").glob("*.yaml")), ids=lambda p: p.stem)
def test_vllm_takes_the_examples_options_and_knows_their_parsers(path):
    from vllm import AsyncEngineArgs
    from vllm.reasoning import ReasoningParserManager
    from vllm.tool_parsers import ToolParserManager

    engine_names = {field.name for field in dataclasses.fields(AsyncEngineArgs)}
    for pool in load_spec(path).pools.values():
        options = pool.engine.options
        AsyncEngineArgs(model="any", **{name: value for name, value in options.items() if name in engine_names})
        # Each raises for a name it does not know.
        if parser := options.get("tool_call_parser"):
            ToolParserManager.get_tool_parser(parser)
        if parser := options.get("reasoning_parser"):
            ReasoningParserManager.get_reasoning_parser(parser)
        assert ("tools" in pool.capabilities) == ("tool_call_parser" in options)
