"""The `openai` client works unchanged against the endpoint."""

from __future__ import annotations

import json

import openai
import pytest

pytestmark = pytest.mark.fleet


@pytest.fixture
def client(fleet):
    with openai.OpenAI(base_url=f"{fleet.url}/v1", api_key="unused", timeout=120, max_retries=0) as client:
        yield client


def ask(client, content="What is 7 + 5?", **options):
    options = {"model": "auto", "temperature": 0, **options}
    return client.chat.completions.create(messages=[{"role": "user", "content": content}], **options)


def test_chat_answers_correctly_and_names_the_true_model(client):
    answer = ask(client)
    assert "12" in answer.choices[0].message.content
    assert answer.model == "demo/models/small"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_streaming_gives_the_same_text(client):
    whole = ask(client, model="large").choices[0].message.content
    events = list(ask(client, model="large", stream=True, stream_options={"include_usage": True}))
    assert "".join(e.choices[0].delta.content or "" for e in events if e.choices) == whole
    assert events[-1].usage.completion_tokens > 0


def test_completions_stream_and_whole(client):
    options = {"model": "small", "prompt": "one two", "max_tokens": 8, "temperature": 0}
    whole = client.completions.create(**options)
    streamed = client.completions.create(**options, stream=True)
    assert whole.usage.completion_tokens <= 8
    assert "".join(e.choices[0].text for e in streamed) == whole.choices[0].text


def test_logprobs(client):
    answer = ask(client, logprobs=True, top_logprobs=2)
    tokens = answer.choices[0].logprobs.content
    assert len(tokens) == answer.usage.completion_tokens
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in tokens)


def test_json_schema_binds_the_answer(client):
    schema = {
        "type": "object",
        "properties": {"sum": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["sum"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    answer = ask(client, response_format=wanted, max_tokens=60)
    assert isinstance(json.loads(answer.choices[0].message.content)["sum"], int)


def test_a_named_tool_is_called_with_arguments_of_its_schema(client):
    parameters = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    parameters["properties"]["a"] |= {"minimum": 0, "maximum": 99}
    tool = {"type": "function", "function": {"name": "double", "parameters": parameters, "strict": True}}
    choice = {"type": "function", "function": {"name": "double"}}
    # The schema lets blanks stand between tokens; a model that was never taught tools would write them for ever.
    answer = ask(client, tools=[tool], tool_choice=choice, max_tokens=200, frequency_penalty=2)
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "double"
    assert isinstance(json.loads(call.function.arguments)["a"], int)


def test_stop_ends_before_the_stop_string(client):
    text = ask(client, model="large", content="What is 7 + 5?").choices[0].message.content
    stopped = ask(client, model="large", content="What is 7 + 5?", stop=[text[-1]])
    assert text[-1] not in stopped.choices[0].message.content
    assert stopped.choices[0].finish_reason == "stop"


def test_n_gives_that_many_choices(client):
    answer = ask(client, n=2, temperature=1.0, max_tokens=8)
    assert [choice.index for choice in answer.choices] == [0, 1]


def test_seed_repeats(client):
    texts = [ask(client, temperature=1.0, seed=7, max_tokens=20).choices[0].message.content for _ in range(2)]
    assert texts[0] == texts[1]


def test_models_lists_auto_and_the_pools(client):
    assert {m.id for m in client.models.list()} == {
        "auto", "demo/models/small", "demo/models/moe", "demo/models/large",
    }  # fmt: skip


def test_unknown_model_is_the_clients_not_found_error(client):
    with pytest.raises(openai.NotFoundError, match="gpt-9"):
        ask(client, model="gpt-9")
