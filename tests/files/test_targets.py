"""Where a path leads, and what acts on the file there by whatever name."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import Action, FileMove, Target, ToolKind
from agent_lsp.files.roots import Roots
from agent_lsp.files.targets import Targets


def acts(path: str) -> str:
    return "it acts" if ".git" in path.split("/") else ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / ".git" / "hooks").mkdir(parents=True)
    (root / ".git" / "hooks" / "pre-commit").write_text("#!/bin/sh\n")
    (root / "src").mkdir()
    (root / "src" / "a.py").write_text("a\n")
    return root.resolve()


@pytest.fixture
def targets(folder: Path) -> Targets:
    return Targets(Roots([str(folder)]), acts)


def test_an_ordinary_file_leads_to_itself_there_or_not(folder: Path, targets: Targets) -> None:
    for name in ("src/a.py", "src/new.py", "new/folder/x"):
        assert targets.find(f"{folder}/{name}") == Target(f"{folder}/{name}")


def test_a_link_leads_where_it_points(folder: Path, targets: Targets) -> None:
    (folder / "hooks").symlink_to(".git/hooks")
    (folder / "alias.py").symlink_to("src/a.py")

    assert targets.find(f"{folder}/hooks/post-merge") == Target(f"{folder}/.git/hooks/post-merge", "it acts")
    assert targets.find(f"{folder}/alias.py") == Target(f"{folder}/src/a.py")


def test_what_is_a_link_at_a_protected_name_is_protected_wherever_it_leads(folder: Path, targets: Targets) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / ".git").symlink_to("../src")

    assert targets.find(f"{folder}/sub/.git/a.py") == Target(f"{folder}/src/a.py", "it acts")


def test_another_name_of_the_same_file_is_found_by_its_inode(folder: Path, targets: Targets) -> None:
    os.link(folder / ".git" / "hooks" / "pre-commit", folder / "src" / "notes.txt")
    os.link(folder / "src" / "a.py", folder / "src" / "b.py")

    assert targets.find(f"{folder}/src/notes.txt") == Target(f"{folder}/src/notes.txt", "it acts")
    assert targets.find(f"{folder}/src/b.py") == Target(f"{folder}/src/b.py")


def test_the_folder_that_a_git_file_names_is_protected_with_its_common_one(folder: Path, targets: Targets) -> None:
    tree = folder / "tree"
    for name in ("tree", "meta/worktrees/tree"):
        (folder / name).mkdir(parents=True)
    (tree / ".git").write_text("gitdir: ../meta/worktrees/tree\n")
    (folder / ".git" / "x").write_text("")
    (folder / "meta" / "worktrees" / "tree" / "commondir").write_text("../..\n")
    inner = Targets(Roots([str(folder), str(tree)]), acts)

    assert inner.find(f"{folder}/meta/worktrees/tree/gitdir").acts == ""  # nothing above it names it
    (folder / "meta" / ".git").write_text("gitdir: worktrees/tree\n")
    assert inner.find(f"{folder}/meta/worktrees/tree/gitdir").acts == "it acts"
    assert inner.find(f"{folder}/meta/config").acts == "it acts"
    assert inner.find(f"{folder}/src/a.py").acts == ""


def test_what_a_protected_name_leads_to_is_protected_and_what_lies_beside_it_is_not(
    folder: Path, targets: Targets
) -> None:
    (folder / "scripts").mkdir()
    for name in ("check", "other"):
        (folder / "scripts" / name).write_text("#!/bin/sh\n")
    (folder / ".git" / "hooks" / "update").symlink_to("../../scripts/check")
    (folder / ".git" / "config").write_text("[core]\n\thooksPath = ours # since May\n")
    (folder / "ours").mkdir()

    assert targets.find(f"{folder}/scripts/check").acts == "it acts"
    assert targets.find(f"{folder}/ours/new").acts == "it acts"
    assert targets.find(f"{folder}/scripts/other").acts == ""
    assert targets.find(f"{folder}/scripts/new").acts == ""


def test_a_file_that_a_protected_link_leads_to_is_protected(folder: Path) -> None:
    (folder / "AGENTS.md").symlink_to("src/a.py")
    (folder / "src" / "b.py").write_text("b\n")
    found = Targets(Roots([str(folder)]), lambda path: "it acts" if path == "AGENTS.md" else "")

    assert found.find(f"{folder}/src/a.py").acts == "it acts"
    assert found.find(f"{folder}/src/b.py").acts == ""


def test_a_folder_that_git_takes_for_a_repository_is_protected_whatever_its_name(
    folder: Path, targets: Targets
) -> None:
    bare = folder / "fixture"
    for name in ("objects", "refs"):
        (bare / name).mkdir(parents=True)
    assert targets.find(f"{bare}/config").acts == ""
    (bare / "HEAD").write_text("ref: refs/heads/main\n")

    assert targets.find(f"{bare}/config") == Target(f"{bare}/config", "it acts")
    assert targets.find(f"{bare}/hooks/pre-commit").acts == "it acts"


def test_a_pipe_in_the_place_of_a_git_file_is_not_waited_for(folder: Path, targets: Targets) -> None:
    os.mkfifo(folder / "src" / ".git")

    assert targets.find(f"{folder}/src/a.py") == Target(f"{folder}/src/a.py")


def test_a_move_has_both_its_targets(folder: Path, targets: Targets) -> None:
    (folder / "hooks").symlink_to(".git/hooks")
    move = FileMove(f"{folder}/src/a.py", "src/a.py", f"{folder}/hooks/a", "hooks/a", "a\n")

    located = targets.located(Action("move_file", ToolKind.MOVE, "Move", move))

    assert isinstance(located.effect, FileMove)
    assert (located.effect.target, located.effect.new_target) == (
        Target(f"{folder}/src/a.py"),
        Target(f"{folder}/.git/hooks/a", "it acts"),
    )


def test_what_comes_and_goes_beside_a_file_is_no_reason_to_ask(folder: Path, targets: Targets) -> None:
    """Git's lock files do, whenever an editor asks for a repository's state."""
    ended = threading.Event()

    def toggle() -> None:
        while not ended.is_set():
            (folder / "src" / ".git").write_text("gitdir: ../elsewhere\n")
            (folder / "src" / ".git").unlink()

    toggling = threading.Thread(target=toggle)
    toggling.start()
    try:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert targets.find(f"{folder}/src/a.py") == Target(f"{folder}/src/a.py")
    finally:
        ended.set()
        toggling.join()
