"""What a command made that it must not, told from two looks at a workspace."""

from __future__ import annotations

import stat

from agent_lsp.workspace.sandbox.survey import Survey, forbidden


def seen(*folders: tuple[str, int]) -> Survey:
    """A survey that found folders, each with its number on the disk."""
    return Survey(tuple(path for path, _ in folders), {path: (1, number, stat.S_IFDIR) for path, number in folders})


def test_what_moved_along_with_a_folder_is_the_same_and_a_number_used_again_is_not() -> None:
    before = seen(("/w/a/.git", 7), ("/w/b/.git", 8))

    assert forbidden(before, seen(("/w/c/a/.git", 7), ("/w/b/.git", 8))) == []
    assert forbidden(before, seen(("/w/a/.git", 7), ("/w/a/.git/hooks", 8))) == ["/w/a/.git/hooks"]


def test_only_the_uppermost_of_what_is_new_is_told() -> None:
    assert forbidden(seen(), seen(("/w/a/.git", 7), ("/w/a/.git/hooks", 8), ("/w/a/.github", 9))) == [
        "/w/a/.git",
        "/w/a/.github",
    ]
