"""Generates answers of the demo models on CPU, with all that a look at them can see."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice

import torch
from transformers import AutoModelForCausalLM, BatchEncoding, PreTrainedModel, PreTrainedTokenizerFast

from demo.architectures import MODELS_FOLDER
from demo.confidence_data import Answered
from demo.evaluate import MAX_REPLY_TOKENS, batches
from demo.looks import TEMPERATURE, Look, Sample
from demo.tasks import Task, grade
from demo.tokenizer import load_tokenizer

SAMPLING_SEED = 61_000


@torch.inference_mode()
def generate_looks(name: str, tasks: Sequence[Task], samples: int = 0) -> list[Look]:
    """Greedy answers of one demo model in fp32, in the order of the tasks, each with a number of sampled answers."""
    model, tokenizer = _load(name)
    torch.manual_seed(SAMPLING_SEED)
    looks: dict[int, Look] = {}
    for indices, inputs in batches(tokenizer, [task.prompt for task in tasks]):
        greedy = _greedy(model, tokenizer, inputs, [tasks[index] for index in indices])
        drawn = _sampled(model, tokenizer, inputs, samples)
        for index, (answered, hidden) in zip(indices, greedy, strict=True):
            looks[index] = Look(answered, hidden, tuple(islice(drawn, samples)))
    return [looks[index] for index in range(len(tasks))]


@cache
def _load(name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    folder = MODELS_FOLDER / name
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), load_tokenizer(folder)


def _greedy(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, inputs: BatchEncoding, tasks: Sequence[Task]
) -> Iterator[tuple[Answered, tuple[float, ...]]]:
    output = model.generate(
        **inputs,
        max_new_tokens=MAX_REPLY_TOKENS,
        do_sample=False,
        return_dict_in_generate=True,
        output_logits=True,
        output_hidden_states=True,
    )
    hidden = output.hidden_states[0][-1][:, -1]
    best = torch.stack(output.logits, dim=1).log_softmax(dim=-1).topk(2, dim=-1).values
    lengths = inputs["attention_mask"].sum(dim=1)
    for place, (task, tokens) in enumerate(zip(tasks, _answer_tokens(output.sequences, inputs), strict=True)):
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        first, second = best[place, : len(tokens)].T.tolist()
        margins = tuple(a - b for a, b in zip(first, second, strict=True))
        answered = Answered(task, text, grade(task, text), int(lengths[place]), tuple(first), margins)
        yield answered, tuple(hidden[place].tolist())


def _sampled(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, inputs: BatchEncoding, samples: int
) -> Iterator[Sample]:
    if not samples:
        return
    output = model.generate(
        **inputs,
        max_new_tokens=MAX_REPLY_TOKENS,
        do_sample=True,
        temperature=TEMPERATURE,
        top_k=0,
        num_return_sequences=samples,
    )
    for tokens in _answer_tokens(output, inputs):
        yield Sample(tokenizer.decode(tokens, skip_special_tokens=True), tuple(tokens))


def _answer_tokens(sequences: torch.Tensor, inputs: BatchEncoding) -> Iterator[list[int]]:
    """Each answer's tokens without the prompt and the padding; the end token is one of them, as in vLLM."""
    for tokens in sequences[:, inputs["input_ids"].shape[1] :].tolist():
        padding = [place for place, token in enumerate(tokens) if token == 0]
        yield tokens[: padding[0]] if padding else tokens
