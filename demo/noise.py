"""Adds nonsense to prompts, so that models with a small vocabulary learn to ignore unknown words."""

import random

_STARTS: tuple[str, ...] = (*"bcdfghklmnprstvwz", "bl", "dr", "gl", "pr", "qu", "st", "tr", "sh", "ch", "th", "")
_MIDDLES = ("a", "e", "i", "o", "u", "ai", "ea", "ou", "oo", "ie")
_ENDS: tuple[str, ...] = (*"bdlmnprstx", "ck", "rd", "st", "ng", "", "er", "ly", "ing", "ed", "ion")


def nonsense_word(rng: random.Random) -> str:
    """A pronounceable word of one to three syllables."""
    syllables = rng.choice((1, 2, 2, 3))
    return "".join(rng.choice(_STARTS) + rng.choice(_MIDDLES) for _ in range(syllables)) + rng.choice(_ENDS)


def nonsense_sentence(rng: random.Random) -> str:
    """A sentence of one to seven nonsense words."""
    words = " ".join(nonsense_word(rng) for _ in range(rng.randint(1, 7)))
    return words.capitalize() + rng.choice((".", ".", "!", "?", ","))


def add_noise(rng: random.Random, prompt: str, keep_words: bool) -> str:
    """Insert nonsense into `prompt`; with `keep_words` only sentences before or after it."""
    choice = rng.randrange(4)
    if choice == 0:
        return f"{nonsense_sentence(rng)} {prompt}"
    if choice == 1:
        separator = " " if prompt[-1] in ".?!" else ". "
        return prompt + separator + nonsense_sentence(rng).replace(",", ".")
    if keep_words:
        return prompt
    if choice == 2:
        return prompt.lower()
    return _insert_words(rng, prompt)


def _insert_words(rng: random.Random, prompt: str) -> str:
    """Insert one or two nonsense words, but never next to a number, where they could look like its unit."""
    words = prompt.split(" ")
    for _ in range(rng.randint(1, 2)):
        place = rng.randint(0, len(words))
        neighbours = " ".join(words[max(0, place - 1) : place + 1])
        if not any(character.isdigit() or character in "+-*=" for character in neighbours):
            words.insert(place, nonsense_word(rng))
    return " ".join(words)
