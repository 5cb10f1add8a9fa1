"""What git goes by in a folder, and what it runs there: found without running git."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_MOST_READ = 64 << 10
_SIGNS = ("HEAD", "objects", "refs")
"""What git takes a folder for a repository by, whatever its name (gitrepository-layout)."""
_HOOKS_PATH = re.compile(r"""^\s*hookspath\s*=\s*"?([^"#;\n]+?)"?\s*(?:[#;].*)?$""", re.IGNORECASE | re.MULTILINE)
"""A line of git-config; blanks around the value, quotes and comments do not belong to it."""


def is_repository(folder: Path) -> bool:
    """Whether git takes a folder for a repository."""
    return looks_like_repository(sign for sign in _SIGNS if os.path.lexists(folder / sign))


def looks_like_repository(names: Iterable[str]) -> bool:
    """Whether git takes a folder with these names in it for a repository."""
    return set(_SIGNS) <= set(names)


def led_to(path: Path) -> Iterator[Path]:
    """Where a `.git` leads: the folders that it stands for where it is a file, and the hooks that lie elsewhere."""
    yield from _named(path)
    yield from hooks(path)


def hooks(path: Path) -> Iterator[Path]:
    """What git runs as hooks for a `.git` and lies elsewhere: where links lead, and what `core.hooksPath` names."""
    repository = [path, *_named(path)][-1]
    with suppress(OSError):
        yield from (entry for entry in (repository / "hooks").iterdir() if entry.is_symlink())
    for named in _HOOKS_PATH.findall(_words(repository / "config")):
        yield path.parent / os.path.expanduser(named)


def _named(path: Path) -> Iterator[Path]:
    """The folder that a `.git` file names in place of itself, and that folder's own common one (git-worktree)."""
    if gitdir := _words(path).removeprefix("gitdir:").strip():
        folder = path.parent / gitdir
        yield folder
        if common := _words(folder / "commondir").strip():
            yield folder / common


def _words(path: Path) -> str:
    """The beginning of a regular file; empty where there is none, or none any more."""
    if path.is_file():  # opening a pipe would wait
        with suppress(FileNotFoundError), path.open("rb") as file:
            return os.fsdecode(file.read(_MOST_READ)).replace("\0", "")
    return ""
