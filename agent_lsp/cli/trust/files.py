"""Files that were written after untrusted text was read, and that their user has looked through since."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_lsp import NAME
from agent_lsp.app.state_files import state_dir
from agent_lsp.cli.trust.confirm import says_yes
from agent_lsp.conversation.uris import path_of
from agent_lsp.files.digest import digest_of
from agent_lsp.files.location import Location, NotThere, PathRefused
from agent_lsp.files.openat import real_path
from agent_lsp.files.roots import Roots
from agent_lsp.files.safe_open import read
from agent_lsp.journal.journal import Journal
from agent_lsp.settings.loading import load
from agent_lsp.text.visible import visible

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class _Marked:
    """A file that bears the mark, as it stands: `data` is None where it is gone."""

    location: Location
    data: bytes | None

    @property
    def digest(self) -> str:
        return "" if self.data is None else digest_of(self.data)

    @property
    def line(self) -> str:
        if self.data is None:
            return f"{visible(self.location.shown)}: it is gone"
        return f"{visible(self.location.shown)}: {len(self.data):,} bytes, SHA-256 {self.digest}"


def trust_files(environment: Mapping[str, str], folders: Sequence[str], named: Sequence[str]) -> int:
    """Asks whether the user has looked through such files among the named ones and beneath; returns the exit code.

    Raises SettingsError, JournalError, PathRefused.
    """
    return asyncio.run(_trust_files(environment, Roots(folders), named))


def tell_marked(environment: Mapping[str, str], folders: Sequence[str]) -> None:
    """Names the files of the workspace that are to be looked through. Raises SettingsError, JournalError."""
    names = asyncio.run(_names(environment, Roots(folders)))
    if names:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        told = ", ".join(map(visible, names[:_MOST_NAMED])) + more
        print(f"Written after untrusted text was read, so that the agent asks once it has read them: {told}.")
        print(f"Say `{NAME} trust FILE` (or a folder, or several) of what you have looked through.")


async def _trust_files(environment: Mapping[str, str], roots: Roots, named: Sequence[str]) -> int:
    journal = _journal(environment)
    try:
        marked = await _marked(journal, roots)
        chosen = [one for one in marked if any(_is_in(one.location.path, name) for name in named)]
        for name in named:
            if not any(_is_in(one.location.path, name) for one in chosen):
                print(f"{visible(name)}: nothing there was written after untrusted text was read")
        if not chosen:
            return 0
        print("\n".join(one.line for one in chosen))
        if not says_yes("You have looked through this, and it may count as your own?"):
            print("nothing is changed")
            return 1
        if chosen != [_as_it_stands(one.location) for one in chosen]:
            print(f"{NAME}: nothing is changed, for a file has just been written to: look at it again", file=sys.stderr)
            return 1
        await journal.look([(one.location.uri, one.digest) for one in chosen])
        print("it counts as your own, until it is written again after untrusted text was read")
        return 0
    finally:
        await journal.close()


async def _names(environment: Mapping[str, str], roots: Roots) -> list[str]:
    journal = _journal(environment)
    try:
        there = [one for one in await _marked(journal, roots) if one.data is not None]
        counts = await journal.tainted([(one.location.uri, one.digest) for one in there])
        return [one.location.shown for one, untrusted in zip(there, counts, strict=True) if untrusted]
    finally:
        await journal.close()


async def _marked(journal: Journal, roots: Roots) -> list[_Marked]:
    """Those beneath the folders that the agent may read, by their names."""
    found = []
    for uri in await journal.uris():
        try:
            found.append(_as_it_stands(roots.find(path_of(uri) or "")))
        except PathRefused:  # of another workspace, or kept from the agent
            continue
    return sorted(found, key=lambda one: one.location.path)


def _as_it_stands(location: Location) -> _Marked:
    try:
        return _Marked(location, read(location).data)
    except NotThere:
        return _Marked(location, None)


def _journal(environment: Mapping[str, str]) -> Journal:
    return Journal(state_dir(load(environment).settings) / "journal.sqlite3")


def _is_in(path: str, named: str) -> bool:
    return Path(path).is_relative_to(real_path(str(Path(named).absolute())))
