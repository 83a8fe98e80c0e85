"""Seeded tasks in three levels of difficulty whose answers can be checked exactly.

Level 1 takes one step (7 + 5, copy a word, a small fact), level 2 takes two steps or sorts 4-5 numbers, and level 3
takes four to six steps or sorts 8-10 numbers. `generate_tasks` creates tasks. Models are trained to generate a task's
`response` (written steps, then the answer), and `grade` checks what they generate.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from demo import wordings
from demo.noise import add_noise, nonsense_word
from demo.stories import chain_steps, one_step_story, shop, story
from demo.wordings import FRESH, SEEN, Wordings

LEVELS = (1, 2, 3)


@dataclass(frozen=True)
class Task:
    """One prompt with its exact answer. `fresh` marks a held-out wording; `response` is the text to train on."""

    level: int
    kind: str
    prompt: str
    answer: str
    fresh: bool
    response: str


@dataclass(frozen=True)
class Draft:
    """The core of a task, before openers, closers and noise are added."""

    prompt: str
    answer: str
    response: str


DraftFunction = Callable[[random.Random, Wordings], Draft]


def generate_tasks(
    count: int,
    *,
    seed: int,
    levels: tuple[int, ...] = LEVELS,
    fresh: bool | None = False,
    noise: float = 0.0,
) -> list[Task]:
    """Create `count` tasks, spread evenly over `levels` and their kinds. Equal arguments give equal tasks.

    `fresh=True` uses only held-out wordings; `None` mixes both in equal parts. `noise` (0..1) is the share of prompts
    with nonsense words and sentences. Training uses it so that models learn to ignore unknown words.
    """
    stream = task_stream(seed=seed, levels=levels, fresh=fresh, noise=noise)
    return [next(stream) for _ in range(count)]


def task_stream(
    *, seed: int, levels: tuple[int, ...] = LEVELS, fresh: bool | None = False, noise: float = 0.0
) -> Iterator[Task]:
    """An endless stream of tasks. Repeat a level in `levels` to make it more frequent."""
    rng = random.Random(f"signalbox-demo-{seed}-{fresh}")
    number = 0
    while True:
        level = levels[number % len(levels)]
        is_fresh = rng.random() < 0.5 if fresh is None else fresh
        yield _make_task(rng, level, is_fresh, noise)
        number += 1


def grade(task: Task, text: str) -> bool:
    """Whether the final answer in `text` is exactly right.

    It compares the last number for numbers, all numbers of the last line for sorted lists, and the whole text for
    words, without regard to case, quotes and the final period.
    """
    lines = text.strip().splitlines()
    if not lines:
        return False
    if task.kind in SORTING:
        return re.findall(r"-?\d+", lines[-1]) == task.answer.split(", ")
    if task.answer.isdigit() and task.kind != "copy":
        numbers = re.findall(r"-?\d+", lines[-1])
        return bool(numbers) and numbers[-1] == task.answer
    return _normalised(text) == _normalised(task.answer)


def _normalised(text: str) -> str:
    return text.strip().strip("\"'.!").lower()


def _make_task(rng: random.Random, level: int, fresh: bool, noise: float) -> Task:
    words = FRESH if fresh else SEEN
    kind = rng.choice(tuple(KINDS[level]))
    draft = KINDS[level][kind](rng, words)
    prompt = draft.prompt
    if prompt not in wordings.SMALL_TALK:
        prompt = _wrap(rng, words, prompt)
        if rng.random() < noise:
            prompt = add_noise(rng, prompt, keep_words=kind == "copy")
    return Task(level, kind, prompt, draft.answer, fresh, draft.response)


def _wrap(rng: random.Random, words: Wordings, prompt: str) -> str:
    """Add an opener, a closer or both to about half of the prompts."""
    opener = rng.choice(words.openers) + " " if rng.random() < 0.35 else ""
    # A bare word at the end ("Copy this word: lamp") needs a period before a closer can follow.
    closer = ""
    if rng.random() < 0.25:
        closer = (" " if prompt[-1] in ".?!" else ". ") + rng.choice(words.closers)
    return opener + prompt + closer


def _question(rng: random.Random, words: Wordings, expressions: tuple[str, ...], **slots: object) -> str:
    """An expression after a lead such as "What is", with or without a question mark."""
    expression = rng.choice(expressions).format(**slots)
    lead = rng.choice(words.leads)
    text = f"{lead} {expression}".strip()
    is_question = lead.split(" ")[0] in ("What", "What's", "How", "Can", "Could", "Do", "Any", "Would", "Remind")
    end = "?" if is_question else "."
    return text if text.endswith("=") or rng.random() < 0.1 else text + end


def _result(prompt: str, answer: int, steps: list[str]) -> Draft:
    lines = steps if len(steps) == 1 else [*steps, f"Answer: {answer}"]
    return Draft(prompt, str(answer), "\n".join(lines))


def _operand(rng: random.Random) -> int:
    return rng.randint(0, 20) if rng.random() < 0.4 else rng.randint(0, 99)


def _add(rng: random.Random, words: Wordings) -> Draft:
    a, b = _operand(rng), _operand(rng)
    return _result(_question(rng, words, words.add, a=a, b=b), a + b, [f"{a} + {b} = {a + b}"])


def _subtract(rng: random.Random, words: Wordings) -> Draft:
    b, a = sorted((_operand(rng), _operand(rng)))
    return _result(_question(rng, words, words.subtract, a=a, b=b), a - b, [f"{a} - {b} = {a - b}"])


def _multiply(rng: random.Random, words: Wordings) -> Draft:
    a, b = rng.randint(2, 10), rng.randint(2, 10)
    return _result(_question(rng, words, words.multiply, a=a, b=b), a * b, [f"{a} * {b} = {a * b}"])


def _one_step_story(rng: random.Random, words: Wordings) -> Draft:
    return _result(*one_step_story(rng, words))


def _copy(rng: random.Random, words: Wordings) -> Draft:
    plural = rng.choice(words.objects)
    word = rng.choice((plural, nonsense_word(rng), nonsense_word(rng), _code(rng)))
    quoted = rng.choice(("{}", "{}", '"{}"', "'{}'")).format(word)
    return Draft(rng.choice(words.copy).format(w=quoted), word, word)


def _code(rng: random.Random) -> str:
    return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(rng.randint(3, 6)))


def _fact(rng: random.Random, words: Wordings) -> Draft:
    if words is SEEN and rng.random() < 0.05:  # small talk has no second wording to hold out
        prompt, answer = rng.choice(tuple(wordings.SMALL_TALK.items()))
        return Draft(prompt, answer, answer)
    templates, facts = rng.choice(
        (
            (words.capital, wordings.CAPITALS),
            (words.opposite, wordings.OPPOSITES),
            (words.count, wordings.COUNTS),
            (words.colour, wordings.COLOURS),
            (words.after, wordings.AFTER),
        )
    )
    thing, answer = rng.choice(tuple(facts.items()))
    return Draft(rng.choice(templates).format(x=thing), answer, answer)


def _chain(rng: random.Random, words: Wordings, operations: int) -> Draft:
    expression, value, steps = chain_steps(rng, operations)
    return _result(_question(rng, words, words.chain, e=expression), value, steps)


def _sort(rng: random.Random, words: Wordings, low: int, high: int) -> Draft:
    numbers = rng.sample(range(1, 100), rng.randint(low, high))
    falling = rng.random() < 0.3
    separator = rng.choice((", ", ", ", " ", "; ", ","))
    listed = separator.join(map(str, numbers))
    if rng.random() < 0.2:
        listed = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    answer = ", ".join(map(str, sorted(numbers, reverse=falling)))
    templates = words.descending if falling else words.ascending
    return Draft(rng.choice(templates).format(l=listed), answer, answer)


SORTING = frozenset({"short_sort", "long_sort"})
KINDS: dict[int, dict[str, DraftFunction]] = {
    1: {
        "add": _add,
        "subtract": _subtract,
        "multiply": _multiply,
        "one_step_story": _one_step_story,
        "copy": _copy,
        "fact": _fact,
    },
    2: {
        "short_story": lambda rng, words: _result(*story(rng, words, steps=2)),
        "short_shop": lambda rng, words: _result(*shop(rng, words, lines=1)),
        "short_chain": lambda rng, words: _chain(rng, words, 2),
        "short_sort": lambda rng, words: _sort(rng, words, 4, 5),
    },
    3: {
        "long_story": lambda rng, words: _result(*story(rng, words, steps=rng.randint(4, 6))),
        "long_shop": lambda rng, words: _result(*shop(rng, words, lines=rng.randint(2, 3))),
        "long_chain": lambda rng, words: _chain(rng, words, rng.randint(4, 6)),
        "long_sort": lambda rng, words: _sort(rng, words, 8, 10),
    },
}
