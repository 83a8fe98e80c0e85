"""Answers of the small demo model, with what a look at them sees."""

from __future__ import annotations

import pytest

from demo.tasks import generate_tasks

pytestmark = pytest.mark.engine

TASKS = generate_tasks(6, seed=4, fresh=None)


@pytest.fixture(scope="module")
def looks():
    from demo.looking import generate_looks

    return generate_looks("small", TASKS, samples=2)


@pytest.fixture(scope="module")
def small():
    import torch
    from transformers import AutoModelForCausalLM

    from demo.architectures import MODELS_FOLDER
    from demo.tokenizer import load_tokenizer

    folder = MODELS_FOLDER / "small"
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), load_tokenizer(folder)


def test_answers_are_those_of_the_evaluation(looks, small):
    from demo.evaluate import answers

    assert [look.answered.task for look in looks] == TASKS
    assert [look.answered.text for look in looks] == answers(*small, [task.prompt for task in TASKS])


def test_each_token_has_a_log_probability_and_a_margin(looks, small):
    for look in looks:
        answered = look.answered
        assert len(answered.logprobs) == len(answered.margins) == len(small[1](answered.text)["input_ids"]) + 1
        assert max(answered.logprobs) <= 0 <= min(answered.margins)


def test_the_first_token_follows_from_the_hidden_state(looks, small):
    import torch

    for look in looks:
        logits = small[0].lm_head(torch.tensor(look.hidden))
        assert logits.log_softmax(dim=-1).max().item() == pytest.approx(look.answered.logprobs[0], abs=1e-4)


def test_each_answer_has_its_own_samples(looks, small):
    assert {len(look.samples) for look in looks} == {2}
    assert all(sample.tokens[-1] == small[1].eos_token_id for look in looks for sample in look.samples)
    easy = [look for look in looks if look.answered.task.level == 1]
    assert any(sample.text == look.answered.text for look in easy for sample in look.samples)
