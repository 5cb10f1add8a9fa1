"""Workspace roots: the folders that the editor has open, and which of them a path lies beneath.

What is found here is a name; `safe_open.py` proves that it lies inside when it opens it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain, count
from pathlib import PurePosixPath
from typing import NoReturn

from agent_lsp.conversation.actions import WorkspacePath
from agent_lsp.files.agentignore import IgnoreRules
from agent_lsp.files.location import Location, NotThere, PathRefused, Root
from agent_lsp.files.openat import real_path
from agent_lsp.files.own_files import NOTHING, Own
from agent_lsp.files.safe_open import is_folder


class Roots:
    """The folders of one workspace; they come from the editor and from nobody else."""

    def __init__(self, folders: Iterable[str], own: Own = NOTHING) -> None:
        """`folders` are absolute paths; what is our `own` is kept from the agent in them.

        Raises PathRefused for a folder that does not exist or is no folder.
        """
        self.own = own
        self.all: tuple[Root, ...] = ()
        if missing := self.replace(folders):
            raise PathRefused(f"the workspace folder {missing[0]} does not exist or is no folder")
        self.places()

    def replace(self, folders: Iterable[str]) -> tuple[str, ...]:
        """Takes the folders that the client has open now; returns those that do not exist or are none.

        A folder that stays keeps its name. What was found beneath one that goes is refused from then on.
        """
        known = {root.path: root for root in self.all}
        kept = {real: known[real] for folder in folders if (real := real_path(folder)) in known}
        roots: dict[str, Root] = {}
        missing = []
        for folder in folders:
            real = real_path(folder)
            if os.path.isdir(real):
                name = _unused_name(os.path.basename(real) or real, [*kept.values(), *roots.values()])
                roots.setdefault(real, kept.get(real) or Root(name, real, IgnoreRules(real, self.own)))
            else:
                missing.append(folder)
        self.all = tuple(roots.values())
        return tuple(missing)

    def places(self) -> tuple[Location, ...]:
        """The roots themselves. Raises PathRefused where there is none."""
        if not self.all:
            raise PathRefused("no workspace folder is open: open a folder, then ask again")
        return tuple(self._beneath(root, "") for root in self.all)

    def present(self) -> tuple[Location, ...]:
        """Those roots that are still there: a folder may be deleted while it is open. Raises PathRefused for none."""
        if there := tuple(place for place in self.places() if is_folder(place)):
            return there
        raise NotThere(f"the workspace folder is gone: {', '.join(root.path for root in self.all)}")

    def find(self, path: str) -> Location:
        """Where `path` points: relative to a root, `root-name/…` where there are several, or absolute beneath one.

        Raises PathRefused. The result is a name only; opening it is what proves that it lies inside.
        """
        if "\0" in path:
            raise PathRefused("a path cannot contain a NUL character")
        try:
            os.fsencode(path)
        except UnicodeEncodeError:
            raise PathRefused(f"the path {path!r} has half a surrogate pair: no file is named so") from None
        first_place, *others = self.places()
        if os.path.isabs(path):
            return self._absolute(os.path.normpath(path))
        if not others:
            return self._beneath(first_place.root, path)
        first, _, rest = path.removeprefix("./").partition("/")
        for root in self.all:
            if root.name == first:
                return self._beneath(root, rest)
        names = ", ".join(root.name for root in self.all)
        raise PathRefused(f"'{path}' must begin with a workspace folder: {names}")

    def again(self, found: WorkspacePath) -> Location:
        """The location of a path that was found before, held against the folders and rules as they are now.

        No link is followed: it is the same path or none. Raises PathRefused.
        """
        return self._named(found.path) or self._outside(found.path)

    def _absolute(self, path: str) -> Location:
        return self._named(path) or self._named(_real_folder(path)) or self._outside(path)

    def _named(self, path: str) -> Location | None:
        """The location of a path that begins with a root's."""
        for root in sorted(self.all, key=lambda root: -len(root.path)):
            if path == root.path or path.startswith(root.path.rstrip("/") + "/"):
                return self._beneath(root, os.path.relpath(path, root.path))
        return None

    def _outside(self, path: str) -> NoReturn:
        folders = ", ".join(root.path for root in self.all) or "no folder is open"
        raise PathRefused(f"'{path}' lies outside the workspace ({folders})")

    def _beneath(self, root: Root, relative: str) -> Location:
        inside = os.path.normpath(relative.lstrip("/") or ".")
        if inside == ".." or inside.startswith("../"):
            raise PathRefused(f"'{relative}' lies outside the workspace ({root.path})")
        inside = "" if inside == "." else inside
        root.rules.must_allow(inside)
        shown = inside or "."
        return Location(root, inside, shown if len(self.all) == 1 else str(PurePosixPath(root.name, inside)))


def _unused_name(base: str, roots: Iterable[Root]) -> str:
    taken = {root.name for root in roots}
    numbered = (f"{base}-{number}" for number in count(2))
    return next(name for name in chain([base], numbered) if name not in taken)


def _real_folder(path: str) -> str:
    """`path` with the links of its folder resolved, for clients that name a root by another path to it."""
    return os.path.join(real_path(os.path.dirname(path)), os.path.basename(path))
