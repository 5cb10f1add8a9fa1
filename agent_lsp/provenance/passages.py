"""Whether one text repeats a passage of another, however its lines are numbered, marked or wrapped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_WORD = re.compile(r"\w+")
_PASSAGE, _LEAST = 5, 2
"""Words in a row that are a passage; of a text that has fewer the whole, if it is more than a word."""


class PassageText:
    """A text in which passages of others are looked for."""

    def __init__(self, text: str) -> None:
        self._words = _words(text)
        self._passages: dict[int, frozenset[tuple[str, ...]]] = {}

    def repeats(self, other: str) -> bool:
        """Whether a passage of the other text stands in this one. Blocks: call it in a thread when they are large."""
        words = _words(other)
        length = min(_PASSAGE, len(words))
        if length < _LEAST:
            return False
        if length not in self._passages:
            self._passages[length] = frozenset(_rows(self._words, length))
        return any(row in self._passages[length] for row in _rows(words, length))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _rows(words: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(length)), strict=False)
