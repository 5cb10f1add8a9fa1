"""What a long run is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Protocol

Figures = Counter[str]
"""What was counted, by its name in the record; those of all steps are added up."""


class Broken(Exception):
    """Something that must always hold did not; the message says what, and in which step."""


class Run(Protocol):
    """A long run, in steps that know nothing of one another."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def what(self) -> str:
        """As in the record: what there are `total` of."""

    @property
    def total(self) -> int:
        """How many the whole run has."""

    @property
    def a_step(self) -> int:
        """How many one step has."""

    def step(self, number: int, seed: int, folder: Path) -> Figures:
        """Runs one step in an empty folder: the same number and seed are the same step. Raises Broken."""
