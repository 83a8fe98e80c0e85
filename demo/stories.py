"""Word problems and arithmetic chains. Each function returns (prompt, answer, written steps)."""

import random

from demo.wordings import Wordings

Problem = tuple[str, int, list[str]]
MAX_VALUE = 199  # limits numbers to three digits, so that tiny models can learn the arithmetic


def chain_steps(rng: random.Random, operations: int) -> Problem:
    """Additions and subtractions from left to right, with no intermediate result below zero."""
    value = rng.randint(5, 60)
    expression, steps = str(value), []
    for _ in range(operations):
        delta = rng.randint(1, 40)
        if delta <= value and (rng.random() < 0.5 or value + delta > MAX_VALUE):
            delta = -delta
        step = f"{value} {'-' if delta < 0 else '+'} {abs(delta)}"
        expression += step.removeprefix(str(value))
        value += delta
        steps.append(f"{step} = {value}")
    return expression, value, steps


def one_step_story(rng: random.Random, words: Wordings) -> Problem:
    """A story with a start, one change and a question."""
    value = rng.randint(2, 60)
    cast = _cast(rng, words)
    event, value_after, steps = _plain_event(rng, words, value)
    sentences = (
        _start(rng, words, value, cast),
        _sentence(rng, words, event, cast),
        _question(rng, words, cast),
    )
    return " ".join(sentences), value_after, steps


def story(rng: random.Random, words: Wordings, steps: int) -> Problem:
    """A story with a start and several changes in order of time, of at least `steps` calculations."""
    value = rng.randint(5, 60)
    cast = _cast(rng, words)
    sentences, written = [_start(rng, words, value, cast)], list[str]()
    while len(written) < steps:
        left = steps - len(written)
        event, value, lines = _event(rng, words, value, grouped=left >= 2 and rng.random() < 0.3)
        sentences.append(_sentence(rng, words, event, cast))
        written += lines
    sentences.append(_question(rng, words, cast))
    return " ".join(sentences), value, written


def shop(rng: random.Random, words: Wordings, lines: int) -> Problem:
    """A purchase of one to three kinds of things that asks for its total or the change."""
    cast = _cast(rng, words)
    things = rng.sample(words.objects, lines)
    counts = [(rng.randint(2, 9), rng.randint(2, 9)) for _ in things]
    parts = [rng.choice(words.items).format(k=k, m=m, obj=thing) for (k, m), thing in zip(counts, things, strict=True)]
    steps = [f"{k} * {m} = {k * m}" for k, m in counts]
    total = counts[0][0] * counts[0][1]
    for k, m in counts[1:]:
        steps.append(f"{total} + {k * m} = {total + k * m}")
        total += k * m
    listed = ", ".join(parts[:-1]) + " and " + parts[-1] if lines > 1 else parts[0]
    sentences = [rng.choice(words.buys).format(name=cast["name"], list=listed)]
    if lines == 3 and rng.random() < 0.4:
        sentences.append(rng.choice(words.totals).format(**cast))
        return " ".join(sentences), total, steps
    paid = total + rng.randint(1, 40) if lines == 1 else -(-(total + 1) // 50) * 50
    sentences.append(rng.choice(words.changes).format(p=paid, **cast))
    return " ".join(sentences), paid - total, [*steps, f"{paid} - {total} = {paid - total}"]


def _cast(rng: random.Random, words: Wordings) -> dict[str, str]:
    name, other = rng.sample(words.names, 2)
    pronoun = rng.choice(("she", "he"))
    return {"name": name, "other": other, "obj": rng.choice(words.objects), "pronoun": pronoun}


def _start(rng: random.Random, words: Wordings, value: int, cast: dict[str, str]) -> str:
    return rng.choice(words.starts).format(n=value, **cast)


def _question(rng: random.Random, words: Wordings, cast: dict[str, str]) -> str:
    return rng.choice(words.questions).format(**cast)


def _sentence(rng: random.Random, words: Wordings, event: str, cast: dict[str, str]) -> str:
    """The event with its names filled in, sometimes with a pronoun and a leading word of time."""
    as_pronoun = event.startswith("{name}") and rng.random() < 0.4
    subject = cast["pronoun"] if as_pronoun else cast["name"]
    text = rng.choice(words.connectives) + event.format(**{**cast, "name": subject})
    return text[0].upper() + text[1:] + "."


def _event(rng: random.Random, words: Wordings, value: int, grouped: bool) -> Problem:
    if not grouped:
        if value <= 60 and rng.random() < 0.08:
            return rng.choice(words.doubles), value * 2, [f"{value} * 2 = {value * 2}"]
        return _plain_event(rng, words, value)
    k, m = rng.randint(2, 6), rng.randint(2, 9)
    amount = k * m
    lose = amount <= value and (rng.random() < 0.5 or value + amount > MAX_VALUE)
    new = value - amount if lose else value + amount
    text = rng.choice(words.group_losses if lose else words.group_gains)
    steps = [f"{k} * {m} = {amount}", f"{value} {'-' if lose else '+'} {amount} = {new}"]
    return _fill(text, k=k, m=m), new, steps


def _plain_event(rng: random.Random, words: Wordings, value: int) -> Problem:
    n = rng.randint(2, 40)
    lose = n <= value and (rng.random() < 0.5 or value + n > MAX_VALUE)
    new = value - n if lose else value + n
    text = rng.choice(words.losses if lose else words.gains)
    return _fill(text, n=n), new, [f"{value} {'-' if lose else '+'} {n} = {new}"]


def _fill(text: str, **numbers: int) -> str:
    """Fill in the numbers, but leave {name}, {other} and {obj} for later."""
    for slot, number in numbers.items():
        text = text.replace("{" + slot + "}", str(number))
    return text
