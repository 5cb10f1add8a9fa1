"""What a command made that it must not, told from two looks at a workspace."""

from __future__ import annotations

import os
from pathlib import Path

from agent_lsp.sandbox.guard.protected_names import ProtectedNames
from agent_lsp.sandbox.guard.scan import Scan, forbidden, survey

NAMES = ProtectedNames([".git/hooks", ".github", ".env"])


def look(root: Path) -> Scan:
    return survey([str(root)], NAMES)


def made(root: Path, *folders: str) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True)


def test_what_moved_along_with_a_folder_is_the_same(tmp_path: Path) -> None:
    made(tmp_path, "a/.git/hooks", "b/.git/hooks")
    before = look(tmp_path)
    made(tmp_path, "c")
    (tmp_path / "a").rename(tmp_path / "c/a")

    assert forbidden(before, look(tmp_path)) == []


def test_what_has_the_number_on_the_disk_of_something_else_is_not_the_same(tmp_path: Path) -> None:
    made(tmp_path, "a/.git", "b/.git", "c")
    before = look(tmp_path)
    (tmp_path / "b/.git").rename(tmp_path / "a/.git/hooks")  # as if it were made where that was removed
    (tmp_path / "a/.git").rename(tmp_path / "c/.git")

    assert forbidden(before, look(tmp_path)) == [os.fspath(tmp_path / "c/.git")]


def test_only_the_uppermost_of_what_is_new_is_told(tmp_path: Path) -> None:
    before = look(tmp_path)
    made(tmp_path, "a/.git/hooks", "a/.github")

    assert forbidden(before, look(tmp_path)) == [os.fspath(tmp_path / "a" / name) for name in (".git", ".github")]
