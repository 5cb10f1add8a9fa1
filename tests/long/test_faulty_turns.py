"""A sample of the long run with faults: one session of it."""

from __future__ import annotations

from pathlib import Path

from scripts.long_runs.faulty_turns import FaultyTurns


def test_turns_with_a_fault_in_every_third_request_lose_double_and_miscount_nothing(tmp_path: Path) -> None:
    figures = FaultyTurns().step(0, 1, tmp_path)

    assert figures["faults"] == figures["requests"] // 3
    assert figures["faults"] > 15
