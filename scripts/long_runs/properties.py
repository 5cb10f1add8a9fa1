"""Every property that the tests hold for random values, with hundreds of examples instead of a few."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .run import Broken, Figures

_PROJECT = Path(__file__).resolve().parents[2]
_PASSED = re.compile(r"^(\d+) passed", re.MULTILINE)
_END = 4_000
"""Characters of what pytest said that are told when a property broke."""


class Properties:
    """A step is one run of all tests that hypothesis drives, each with as many examples as the profile `long` has."""

    name = "properties"
    what = "examples of each property"
    total = 2_500
    a_step = 500

    def __init__(self, *words: str) -> None:
        """Words for pytest, as the tests that are meant; by default it is all of them."""
        self._words = words

    def step(self, number: int, seed: int, folder: Path) -> Figures:
        words = [*("-q", "-m", "hypothesis", "--hypothesis-profile=long", f"--hypothesis-seed={seed * 1_000 + number}")]
        words += ["--timeout=0", "-p", "no:cacheprovider", f"--basetemp={folder / 'pytest'}", *self._words]
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", *words], cwd=_PROJECT, capture_output=True, text=True, check=False
        )
        passed = _PASSED.search(ran.stdout)
        if ran.returncode or passed is None:
            raise Broken(f"pytest {' '.join(words)} ended with {ran.returncode}:\n{ran.stdout[-_END:]}")
        return Figures({"runs of a property that held": int(passed[1])})
