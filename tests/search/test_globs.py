"""Globs mean what they mean to ripgrep."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agent_lsp.search.globs import matches
from agent_lsp.search.ripgrep import program

PATHS = ["a.py", "b.pyi", "src/a.py", "src/deep/a.py", "src/deep/b.ts", "docs/[x].md", "srcs/a.py", "src/a-b.py"]
GLOBS = [
    *("*.py", "*.py*", "a.*", "/a.py", "src/*.py", "src/**", "src/**/*.py", "**/*.py", "**/deep/*", "*", "?.py"),
    *(
        "[ab].py*",
        "[!a].py*",
        "[a-c].pyi",
        "*.{py,ts}",
        "{src,docs}/*",
        "src/*/a.py",
        "!*.py",
        "**",
        "nothing",
        "a?b.py",
    ),
]


@pytest.mark.parametrize("glob", GLOBS)
def test_a_glob_takes_the_paths_that_ripgrep_takes(tmp_path: Path, glob: str) -> None:
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    ripgrep = program()
    assert ripgrep, "the tests need ripgrep"

    listed = subprocess.run(
        [ripgrep, "--files", "--glob", glob], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert [path for path in PATHS if matches(path, glob)] == [
        path for path in PATHS if path in listed.stdout.split("\n")
    ]
