"""Samples of the long runs on the gate, and that each can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.text.visible import visible
from scripts.long_runs.mutated import Mutated
from scripts.long_runs.run import Broken
from scripts.long_runs.shown import Shown, deceives, read_back
from tests.security.naive import SAFE_PROGRAMS


def test_a_sample_of_mutated_commands_has_no_effect_unasked(tmp_path: Path) -> None:
    figures = Mutated().step(0, 1, tmp_path)

    assert figures["commands judged"] == 2_000
    assert figures["run without asking"] > 100


def test_a_gate_that_goes_by_the_first_word_breaks_the_run(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="ran without being asked about"):
        Mutated(lambda line, _: line.split(" ")[0] in SAFE_PROGRAMS).step(0, 1, tmp_path)


def test_a_sample_of_random_texts_reads_back(tmp_path: Path) -> None:
    assert Shown().step(0, 1, tmp_path)["texts that read back"] == 20_000


@pytest.mark.parametrize("text", ["ls\u200b; rm x", "ls" + " " * 12 + "; rm x", "ls\x1b[2K", "\u202els"])
def test_a_text_that_is_shown_as_it_is_deceives(text: str) -> None:
    assert deceives(text)
    assert not deceives(visible(text))


def test_an_escape_whose_backslashes_are_not_doubled_reads_back_as_something_else() -> None:
    assert read_back("a\\nb") == "a\nb"
    assert read_back(visible("a\\nb")) == "a\\nb"
