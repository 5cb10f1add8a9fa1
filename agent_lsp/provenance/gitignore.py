"""What version control leaves out of a repository: `.gitignore` files and `.git/info/exclude`, without running git."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

_MOST_CHARACTERS, _MOST_DEEP = 1 << 20, 100

Judge = Callable[[str], bool]


def judge() -> Judge:
    """Whether an absolute path, its links resolved, is no file of the repository above it, by the rules as they stand.

    So are what git ignores, git's own files, and another repository in a folder of one. The rules of files are read
    once: take a new judge for each question. Rules that cannot be read ignore all, and so deep a path is no file of
    anybody's. Blocks.
    """
    repository, rules = cache(_is_repository), cache(_rules)

    @cache
    def left_out(top: Path, inside: str) -> bool:
        return _left_out(top, inside, rules)

    def ignored(path: str) -> bool:
        above = list(Path(path).parents)
        tops = [folder for folder in above if repository(folder)]
        if not tops:
            return False
        if len(tops) > 1:
            return True
        inside = PurePosixPath(path).relative_to(tops[0])
        if inside.parts[0] == ".git" or len(inside.parts) > _MOST_DEEP:
            return True
        parts = [f"{part}/" for part in reversed(inside.parents) if part.parts] + [str(inside)]
        return any(left_out(tops[0], part) for part in parts)

    return ignored


def _left_out(top: Path, inside: str, rules: Callable[[Path], GitIgnoreSpec]) -> bool:
    """What the nearest rule says of a path, which ends in a slash for a folder."""
    folders = [folder for folder in (top / inside).parents if folder == top or folder.is_relative_to(top)]
    for folder in folders:
        beneath = inside[len(str(folder.relative_to(top))) + 1 :] if folder != top else inside
        said = rules(folder / ".gitignore").check_file(beneath).include
        if said is not None:
            return said
    return bool(rules(top / ".git" / "info" / "exclude").check_file(inside).include)


def _is_repository(folder: Path) -> bool:
    return os.path.exists(folder / ".git")  # noqa: PTH110 - Path's own raises for what is too long for a name


def _rules(file: Path) -> GitIgnoreSpec:
    with suppress(FileNotFoundError, NotADirectoryError):
        try:
            with file.open(encoding="utf-8", errors="surrogateescape") as lines:
                return GitIgnoreSpec.from_lines(lines.read(_MOST_CHARACTERS).splitlines())
        except (OSError, ValueError):
            if os.path.isfile(file):  # noqa: PTH113 - likewise
                return GitIgnoreSpec.from_lines(["*"])
    return GitIgnoreSpec.from_lines([])
