"""The run that swaps paths under the tools' hands, shortly."""

from __future__ import annotations

from pathlib import Path

from scripts.long_runs.swapped_paths import SwappedPaths


class Shortly(SwappedPaths):
    a_step = 300


def test_no_tool_reads_or_writes_outside_while_paths_are_swapped(tmp_path: Path) -> None:
    figures = Shortly().step(0, 1, tmp_path)

    assert sum(figures.values()) == 300
    assert min(figures.values()) > 0
