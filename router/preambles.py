"""Remember how requests begin, to leave out of a task what every request of a client repeats.

An application often puts the same paragraph before each query. It says nothing about how hard one query is. A repeated
paragraph that asks for something is kept, because it may be the work that is done on each input.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator

from router.passages import asks

MOST_BEGINNINGS = 10_000
"""Beginnings that one gateway replica remembers; it forgets the least recently used ones first."""
REPEATED = 5
"""Requests after which a beginning counts as repeated."""
MOST_PARAGRAPHS = 4
"""Paragraphs of a beginning."""
READ_CHARS = 8_000
"""Characters of a request that are read."""


class Preambles:
    """A bounded count of the paragraphs with which the requests of each client begin."""

    def __init__(self, most: int = MOST_BEGINNINGS) -> None:
        self._most = most
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def without(self, text: str, client: str | None) -> str:
        """Return a text without the repeated paragraphs at its beginning."""
        end = 0
        for key, place in _beginnings(text, client):
            if self._seen.get(key, 0) < REPEATED:
                break
            end = place
        return text[end:]

    def see(self, text: str, client: str | None) -> None:
        """Count the paragraphs at the beginning of a request."""
        for key, _ in _beginnings(text, client):
            self._seen[key] = self._seen.get(key, 0) + 1
            self._seen.move_to_end(key)
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)


def _beginnings(text: str, client: str | None) -> Iterator[tuple[bytes, int]]:
    """Yield each beginning that asks for nothing, as a key and the place where the rest of the text begins."""
    read = text[:READ_CHARS]
    place = 0
    for _ in range(MOST_PARAGRAPHS):
        end = read.find("\n\n", place)
        if end < 0 or any(asks(line) for line in read[place:end].split("\n")) or not text[end:].strip():
            return
        place = end + 2
        yield (
            hashlib.blake2b(f"{client}\n{read[:end]}".encode("utf-8", "surrogatepass"), digest_size=16).digest(),
            place,
        )
