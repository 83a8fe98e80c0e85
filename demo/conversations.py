"""Turns tasks into chat conversations, and conversations into token batches with loss on the answers only."""

import random
from collections.abc import Iterator

import torch
from tokenizers import Tokenizer

from demo.noise import nonsense_sentence
from demo.tasks import Task, task_stream
from demo.tokenizer import ASSISTANT, BEGIN, END, SYSTEM, USER

Message = tuple[str, str]  # (role marker, text)
Example = tuple[list[int], list[int]]  # (token ids, labels)
IGNORED = -100  # label of a token without loss
CHUNK = 1024  # conversations that are sorted by length together, which keeps padding small
SYSTEM_PROMPTS = (
    "You are a concise assistant.",
    "You are a calculator.",
    "Answer briefly.",
    "You are a friendly teacher. Answer every question step by step.",
    "You are Signalbox, a helpful assistant for arithmetic and small facts.",
    "Be precise.",
)


def chunk_batches(
    tokenizer: Tokenizer, *, levels: tuple[int, ...], seed: int, chunk: int, batch_tokens: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """(token ids, labels) of one chunk. It depends only on its number and these settings, so runs can resume."""
    rng = random.Random(f"{seed}-{chunk}")
    tasks = task_stream(seed=rng.getrandbits(48), levels=levels, noise=0.3)
    examples = [encode(tokenizer, _conversation(rng, tasks)) for _ in range(CHUNK)]
    return _shuffled_batches(rng, examples, batch_tokens)


def encode(tokenizer: Tokenizer, messages: list[Message]) -> Example:
    """Token ids as the chat template produces them, with labels on the assistant's text and end token."""
    ids = [tokenizer.token_to_id(BEGIN)]
    labels = [IGNORED]
    for role, text in messages:
        body = [*tokenizer.encode(text, add_special_tokens=False).ids, tokenizer.token_to_id(END)]
        ids += [tokenizer.token_to_id(role), *body]
        labels += [IGNORED, *(body if role == ASSISTANT else [IGNORED] * len(body))]
    return ids, labels


def _conversation(rng: random.Random, tasks: Iterator[Task]) -> list[Message]:
    messages: list[Message] = []
    choice = rng.random()
    if choice < 0.35:
        messages.append((SYSTEM, "You are a helpful assistant."))
    elif choice < 0.45:
        messages.append((SYSTEM, rng.choice(SYSTEM_PROMPTS)))
    elif choice < 0.5:
        messages.append((SYSTEM, nonsense_sentence(rng)))
    turns = 1 if rng.random() < 0.92 else rng.randint(2, 3)
    for _ in range(turns):
        task = next(tasks)
        messages += [(USER, task.prompt), (ASSISTANT, task.response)]
    return messages


def _shuffled_batches(
    rng: random.Random, examples: list[Example], batch_tokens: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Sort the examples by length and split them into batches of at most `batch_tokens` tokens, padding included."""
    examples = sorted(examples, key=lambda example: len(example[0]))
    groups: list[list[Example]] = [[]]
    for example in examples:
        if (len(groups[-1]) + 1) * len(example[0]) > batch_tokens:
            groups.append([])
        groups[-1].append(example)
    rng.shuffle(groups)
    return [_pad(group) for group in groups if group]


def _pad(group: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    # No mask is needed: padding is to the right of every real token, and causal attention only looks left.
    width = max(len(ids) for ids, _ in group)
    ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in group])
    labels = torch.tensor([labels + [IGNORED] * (width - len(labels)) for _, labels in group])
    return ids, labels
