"""A sample of the long run of properties, and that it can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.long_runs.properties import Properties
from scripts.long_runs.run import Broken

_COUNTING = """
from hypothesis import given, strategies as st

seen = []

@given(st.integers())
def test_a_number_is_a_number(number):
    seen.append(number)

def test_the_examples_are_many(): ...

@given(st.none())
def test_so_many_were_tried(nothing):
    assert len(seen) == 500
"""


def test_each_property_is_tried_with_hundreds_of_examples(tmp_path: Path) -> None:
    file = tmp_path / "test_counting.py"
    file.write_text(_COUNTING)
    project = Path(__file__).parents[2]
    words = ("-p", "tests.conftest", f"--rootdir={project}", str(file))

    assert Properties(*words).step(0, 1, tmp_path) == {"runs of a property that held": 2}


def test_a_property_that_does_not_hold_breaks_the_run(tmp_path: Path) -> None:
    file = tmp_path / "test_wrong.py"
    file.write_text(
        "from hypothesis import given, strategies as st\n@given(st.integers())\ndef test_x(n): assert n < 99\n"
    )

    with pytest.raises(Broken, match="assert 99 < 99"):
        Properties("-p", "tests.conftest", str(file)).step(0, 1, tmp_path)
