"""The demo tasks: seeded, exactly gradable, held-out wordings really held out; models and template load."""

import dataclasses
import json

import pytest

from demo.architectures import MODEL_NAMES, MODELS_FOLDER
from demo.tasks import KINDS, LEVELS, SORTING, Task, generate_tasks, grade
from demo.wordings import FRESH, SEEN

WEIGHTS_LIMIT_BYTES = 24_000_000


def test_equal_seeds_give_equal_tasks_and_other_seeds_do_not() -> None:
    assert generate_tasks(50, seed=3) == generate_tasks(50, seed=3)
    assert generate_tasks(50, seed=3) != generate_tasks(50, seed=4)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_every_kind_appears_and_its_own_response_is_right(level: int, fresh: bool) -> None:
    tasks = generate_tasks(400, seed=1, levels=(level,), fresh=fresh, noise=0.3)
    assert {task.kind for task in tasks} == set(KINDS[level])
    for task in tasks:
        assert (task.level, task.fresh) == (level, fresh)
        assert grade(task, task.response), task
        assert "{" not in task.prompt
        assert not grade(task, "")
        assert not grade(task, task.response + "\n99999")


def test_levels_are_spread_evenly_and_none_mixes_fresh_wordings() -> None:
    tasks = generate_tasks(300, seed=5, fresh=None)
    assert [sum(task.level == level for task in tasks) for level in LEVELS] == [100, 100, 100]
    assert 100 < sum(task.fresh for task in tasks) < 200


def test_written_steps_are_correct_arithmetic() -> None:
    for task in generate_tasks(300, seed=8, levels=(2, 3)):
        for line in task.response.splitlines():
            if "=" in line:
                left, right = line.split(" = ")
                assert eval(left) == int(right), task


def test_higher_levels_need_more_steps() -> None:
    for task in generate_tasks(400, seed=9):
        if task.kind not in SORTING:
            steps = task.response.count("=")
            assert {1: steps <= 1, 2: steps == 2, 3: steps >= 4}[task.level], task


def test_fresh_wordings_are_held_out() -> None:
    # Bare expressions such as "{a} + {b}" are in both: there a fresh lead stands in front of them.
    shared = {"add", "subtract", "multiply", "chain", "connectives"}
    for field in dataclasses.fields(SEEN):
        seen, fresh = getattr(SEEN, field.name), getattr(FRESH, field.name)
        if field.name not in shared:
            assert not set(seen) & set(fresh), field.name
    seen_prompts = {task.prompt for task in generate_tasks(5000, seed=1)}
    assert not seen_prompts & {task.prompt for task in generate_tasks(2000, seed=2, fresh=True)}


def test_there_are_many_wordings() -> None:
    for name in (
        "openers",
        "closers",
        "leads",
        "add",
        "copy",
        "capital",
        "ascending",
        "starts",
        "gains",
        "questions",
    ):
        assert len(set(getattr(SEEN, name))) >= 15, name


@pytest.mark.parametrize(
    ("kind", "answer", "reply", "right"),
    [
        ("add", "12", "7 + 5 = 12", True),
        ("add", "12", "7 + 5 = 13", False),
        ("add", "12", "7 + 5 = 12\n12 + 3 = 15", False),
        ("copy", "lamp", '"Lamp".', True),
        ("copy", "lamp", "lamps", False),
        ("copy", "42", "42", True),
        ("copy", "K7", "k7 K7", False),
        ("fact", "Paris", "paris", True),
        ("long_story", "27", "30 - 3 = 27\nAnswer: 27", True),
        ("long_story", "27", "30 - 3 = 27\nAnswer: 27\nAnswer: 2", False),
        ("short_sort", "1, 2, 30", "1, 2, 30", True),
        ("short_sort", "1, 2, 30", "1 2 30", True),
        ("short_sort", "1, 2, 30", "1, 30, 2", False),
        ("short_sort", "1, 2, 30", "1, 2, 30, 30", False),
    ],
)
def test_grade(kind: str, answer: str, reply: str, right: bool) -> None:
    task = Task(level=1, kind=kind, prompt="", answer=answer, fresh=False, response="")
    assert grade(task, reply) is right


@pytest.fixture(scope="module")
def tokenizer():  # type: ignore[no-untyped-def]
    from demo.tokenizer import load_tokenizer

    return load_tokenizer(MODELS_FOLDER / "small")


def test_training_tokens_equal_the_chat_template(tokenizer) -> None:  # type: ignore[no-untyped-def]
    from demo.conversations import IGNORED, encode
    from demo.tokenizer import ASSISTANT, SYSTEM, USER

    ids, labels = encode(
        tokenizer.backend_tokenizer,
        [(SYSTEM, "Be brief."), (USER, "What is 7 + 5?"), (ASSISTANT, "7 + 5 = 12")],
    )
    messages = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "7 + 5?"}],
        },
        {"role": "assistant", "content": "7 + 5 = 12"},
    ]
    assert tokenizer.apply_chat_template(messages, return_dict=False) == ids
    learned = [token for token in labels if token != IGNORED]
    assert tokenizer.decode(learned) == "7 + 5 = 12<|end|>"


def test_template_bears_unusual_messages(tokenizer) -> None:  # type: ignore[no-untyped-def]
    messages = [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "é"}],
        },
    ]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    text = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|begin|><|user|>Weather?<|end|><|assistant|><|end|><|user|>sunny<|end|><|user|>é<|end|><|assistant|>"
    )


def test_tokenizer_keeps_every_digit_and_any_text_whole(tokenizer) -> None:  # type: ignore[no-untyped-def]
    for token in tokenizer.get_vocab():
        assert len(token) == 1 or not any(character.isdigit() for character in token), token
    for text in ("Größe 1234 €, 漢字\n\tx  y", "What is 7 + 5?"):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_models_are_small_and_split_over_two_ranks() -> None:
    sizes = [(MODELS_FOLDER / name / "model.safetensors").stat().st_size for name in MODEL_NAMES]
    assert sum(sizes) <= WEIGHTS_LIMIT_BYTES
    for name in MODEL_NAMES:
        config = json.loads((MODELS_FOLDER / name / "config.json").read_text())
        assert config["head_dim"] in (32, 64)
        assert config["num_attention_heads"] % 2 == 0
        assert config["num_key_value_heads"] % 2 == 0
        assert config["hidden_size"] % 256 == 0
        assert config["intermediate_size"] % 256 == 0
