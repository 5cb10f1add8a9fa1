"""Where a path leads: links followed, and what acts on the file that stands there, also under another of its names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from agent_lsp.conversation.actions import Action, FileChange, FileMove, Target
from agent_lsp.files.repositories import is_repository, led_to
from agent_lsp.files.roots import Roots

_OBJECTS = (".git", "objects")
"""Never written twice, and too many to look through."""
Identity = tuple[int, int]
"""Device and inode."""


class Targets:
    """Resolves what an action changes."""

    def __init__(self, roots: Roots, acts: Callable[[str], str]) -> None:
        """`acts` says what acts on a path beneath a root, in words; empty for an ordinary one."""
        self._workspace, self._acts = roots, acts

    @property
    def _roots(self) -> list[Path]:
        """The folders that are open now."""
        return [Path(root.path) for root in self._workspace.all]

    def located(self, action: Action) -> Action:
        """The action with the targets of its paths as they are now. Blocks: call it in a thread."""
        match action.effect:
            case FileChange() as change:
                return replace(action, effect=replace(change, target=self.find(change.path)))
            case FileMove() as move:
                source, target = self.find(move.path), self.find(move.new_path)
                return replace(action, effect=replace(move, target=source, new_target=target))
            case _:
                return action

    def find(self, path: str) -> Target:
        """Where an absolute path leads. What cannot be looked at counts as acted on. Blocks."""
        real = Path(os.path.realpath(path))
        own = self._own(path, str(real))
        try:
            acts = self._asks(path, str(real)) or self._named(Path(path)) or self._named(real)
            return Target(str(real), acts or self._otherwise_named(real), own)
        except OSError as error:
            return Target(str(real), f"it cannot be looked at ({error.strerror})", own)

    def _own(self, path: str, real: str) -> str:
        """What of agent-lsp a path belongs to, by its own name or by where it leads, so that nothing may change it."""
        own = self._workspace.own
        parts = (own.unchangeable("/", name) or own.leads_to(name) for name in (_entry(path), real))
        return next((str(part) for part in parts if part), "")

    def _asks(self, path: str, real: str) -> str:
        return self._workspace.own.asks(_entry(path)) or self._workspace.own.asks(real)

    def _named(self, path: Path) -> str:
        """What acts on a path by its name beneath any of the roots that hold it."""
        beneath = (str(path.relative_to(root)) for root in self._roots if path.is_relative_to(root))
        return next(filter(None, map(self._acts, beneath)), "")

    def _otherwise_named(self, real: Path) -> str:
        """What acts on a file, or a folder above it, by another name: a hard link, a mount, a repository's folder."""
        above = [folder for folder in real.parents if any(folder.is_relative_to(root) for root in self._roots)]
        if any(is_repository(folder) for folder in above):
            return self._acts(".git")
        linked = _linked_file(real)
        wanted = {_identity(real), linked, *map(_identity, above)} - {None}
        guarded = (found for folder in above for found in self._guarded(folder, deep=linked is not None))
        return next((acts for identity, acts in guarded if identity in wanted), "")

    def _guarded(self, folder: Path, *, deep: bool) -> Iterator[tuple[Identity | None, str]]:
        """What is acted on in a folder and, if `deep`, all that is beneath that."""
        for entry in _entries(folder):
            if acts := self._named(entry):
                for path in (entry, *led_to(entry)):
                    yield from ((_identity(part), acts) for part in _parts(path, deep=deep))


def _entry(path: str) -> str:
    """A path with the links on the way to it resolved, but not itself."""
    return str(Path(os.path.realpath(Path(path).parent)) / Path(path).name)


def _parts(path: Path, *, deep: bool) -> Iterator[Path]:
    yield path
    for above, folders, files in os.walk(path) if deep else ():
        folder = Path(above)
        folders[:] = [name for name in folders if (folder.name, name) != _OBJECTS]
        yield from (folder / name for name in (*folders, *files))


def _entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing where there is none, or none any more."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return list(folder.iterdir())
    return []


def _linked_file(path: Path) -> Identity | None:
    """The identity of a file that has several names."""
    with suppress(FileNotFoundError, NotADirectoryError):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            return status.st_dev, status.st_ino
    return None


def _identity(path: Path) -> Identity | None:
    with suppress(FileNotFoundError, NotADirectoryError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None
