"""argv → the runs asked for, each from where it was left to its end."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .faulty_turns import FaultyTurns
from .injected import Injected
from .mutated import Mutated
from .progress import Progress
from .properties import Properties
from .record import Row, record, told
from .run import Broken, Run
from .shown import Shown
from .swapped_paths import SwappedPaths

_PROJECT = Path(__file__).resolve().parents[2]
_RECORD = _PROJECT / "docs" / "long-runs.md"
_KEPT = _PROJECT / ".cache" / "long"
RUNS: dict[str, Run] = {
    run.name: run for run in (FaultyTurns(), SwappedPaths(), Mutated(), Shown(), Injected(), Properties())
}


def main(argv: Sequence[str]) -> int:
    """Returns 1 when something did not hold, whose traces stay for who looks into it; 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="scripts/long", description="Runs of a thousand and more.")
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"of: {' '.join(RUNS)} (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another run (default: 1)")
    parser.add_argument("--afresh", action="store_true", help="do not go on where the run was left")
    parser.add_argument("--record", action="store_true", help=f"write the figures to {_RECORD.relative_to(_PROJECT)}")
    words = parser.parse_args(argv)
    if unknown := [name for name in words.runs if name not in RUNS]:
        parser.error(f"no run '{unknown[0]}'; runs are: {', '.join(RUNS)}")
    commit = _commit()
    for run in [RUNS[name] for name in words.runs or RUNS]:
        progress = Progress.of(_KEPT, run.name, words.seed, commit)
        if words.afresh:
            progress.forget()
        try:
            go_on(run, words.seed, progress)
        except Broken as error:
            print(f"{run.name}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"{run.name}: interrupted; the same command goes on", file=sys.stderr)
            return 130
        figures = told(progress.figures, progress.seconds)
        print(f"{run.total:,} {run.what}: {figures}")
        if words.record:
            today = time.strftime("%Y-%m-%d", time.gmtime())
            record(_RECORD, Row(today, commit, f"{run.total:,} {run.what}", words.seed, figures))
    return 0


def go_on(run: Run, seed: int, progress: Progress) -> None:
    """Does the steps that are left, each in a folder that stays only if something broke. Raises Broken."""
    folder = progress.file.with_suffix("")
    while progress.steps * run.a_step < run.total:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        began = time.monotonic()
        try:
            figures = run.step(progress.steps, seed, folder)
        except Broken as error:
            raise Broken(f"step {progress.steps} of seed {seed}: {error} (see {folder})") from error
        progress.add(figures, time.monotonic() - began)
        shutil.rmtree(folder)
        done = min(progress.steps * run.a_step, run.total)
        print(f"{run.name}: {done:,} of {run.total:,} after {progress.seconds:.0f} s", file=sys.stderr)


def _commit() -> str:
    """Which product this is; one with changes that are not committed says so."""
    head = _git("rev-parse", "--short", "HEAD")
    return f"{head}-changed" if _git("status", "--porcelain", "--", "agent_lsp") else head


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=_PROJECT, check=True, capture_output=True, text=True).stdout.strip()
