"""A long run goes on where it was interrupted, and is written down once."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.long_runs.main import go_on
from scripts.long_runs.progress import Progress
from scripts.long_runs.record import Row, record, told
from scripts.long_runs.run import Broken, Figures


class Counting:
    """A run of ten in steps of four that counts what it did; it is interrupted at the steps of `stops`."""

    name, what, total, a_step = "counting", "things", 10, 4

    def __init__(self, *stops: BaseException | None) -> None:
        self.stops, self.begun = list(stops), list[tuple[int, int, bool]]()

    def step(self, number: int, seed: int, folder: Path) -> Figures:
        self.begun.append((number, seed, any(folder.iterdir())))
        (folder / "trace").write_text("left behind")
        stop = self.stops.pop(0) if self.stops else None
        if stop:
            raise stop
        return Figures({"things": 4, "steps": 1})


def progress(folder: Path) -> Progress:
    return Progress.of(folder, "counting", 7, "abc")


def test_an_interrupted_run_does_only_the_steps_that_are_left(tmp_path: Path) -> None:
    run = Counting(None, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        go_on(run, 7, progress(tmp_path))
    go_on(run, 7, progress(tmp_path))

    assert run.begun == [(0, 7, False), (1, 7, False), (1, 7, False), (2, 7, False)]
    end = progress(tmp_path)
    assert (end.steps, end.figures) == (3, {"things": 12, "steps": 3})
    go_on(run, 7, end)
    assert len(run.begun) == 4


def test_what_broke_is_named_and_its_traces_stay(tmp_path: Path) -> None:
    with pytest.raises(Broken, match=r"step 1 of seed 7: two is one \(see "):
        go_on(Counting(None, Broken("two is one")), 7, progress(tmp_path))

    assert (tmp_path / "counting-7-abc" / "trace").read_text() == "left behind"
    assert progress(tmp_path).steps == 1


def test_another_commit_or_seed_is_another_run_and_one_can_begin_afresh(tmp_path: Path) -> None:
    go_on(Counting(), 7, progress(tmp_path))
    others = [Progress.of(tmp_path, "counting", *which) for which in ((8, "abc"), (7, "abd"))]
    assert [other.steps for other in others] == [0, 0]

    progress(tmp_path).forget()
    assert progress(tmp_path).steps == 0


def test_a_run_is_recorded_once_for_each_commit_what_and_seed(tmp_path: Path) -> None:
    file = tmp_path / "long-runs.md"
    figures = told(Figures({"things": 1_200, "faults": 3}), 61.2)
    assert figures == "1,200 things; 3 faults; 61 s"
    rows = [
        Row("2026-01-01", "abc", "10 things", 1, figures),
        Row("2026-01-02", "abd", "10 things", 1, figures),
        Row("2026-01-02", "abd", "10 things", 2, figures),
    ]
    for row in rows:
        record(file, row)
    again = Row("2026-01-03", "abd", "10 things", 1, "more")
    record(file, again)

    head, *table = file.read_text().partition("| --- | --- | --- | --- | --- |\n")
    assert head.startswith("# Long runs\n")
    assert table[1].splitlines() == [rows[0].line, rows[2].line, again.line]
