"""What the user keeps from the agent: `.agentignore` and `.aiignore` at a root, in the syntax of `.gitignore`."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pathspec import GitIgnoreSpec, Pattern

from agent_lsp.files.openat import open_beneath
from agent_lsp.files.own_files import NOTHING, Own, Part

NAMES = (".agentignore", ".aiignore")
_MOST_BYTES = 1 << 20
_TAB_AT_END = re.compile(r"\t(?= *$)")


class PathRefused(Exception):
    """A path cannot be used; the message names it and says why, in words for the model and the user."""


class Ignored(PathRefused):
    """The user keeps a path from the agent, or the rules that say so cannot be read."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A line as the user wrote it, and where; `keeps` is False for one with `!`, which gives back."""

    file: str
    number: int
    text: str
    keeps: bool
    exact: Pattern
    folded: Pattern

    def applies(self, path: str) -> bool:
        """Whether it means this very path, and not only a folder above; folders end in a slash."""
        if self._means(self.exact, path):
            return True
        return self.keeps and self._means(self.folded, _folded(path))

    def _means(self, pattern: Pattern, path: str) -> bool:
        if self.text.endswith("/**"):  # all that is in a folder, and not the folder
            path = path.rstrip("/")
        above, _, name = path.rstrip("/").rpartition("/")
        if "/" not in self.text.rstrip("/"):
            return _matches(pattern, name + path[len(path.rstrip("/")) :])
        if self.keeps and "**" in self.text:
            return _matches(pattern, path)
        return _matches(pattern, path) and not (above and _matches(pattern, f"{above}/"))


@dataclass(frozen=True, slots=True)
class _File:
    """One file of rules as it was read; `stamp` tells whether it still is so."""

    stamp: tuple[int, ...]
    rules: tuple[_Rule, ...]


class IgnoreRules:
    """The rules of one root, read again when their files change. Paths are relative to the root.

    What is agent-lsp's own is kept, too, whatever the files say.
    """

    def __init__(self, root: str, own: Own = NOTHING) -> None:
        self._root, self._own = root, own
        self._files: dict[str, _File] = {}

    def must_allow(self, path: str) -> None:
        """Raises Kept, which names the rule, for a path that the user keeps from the agent."""
        if path and (part := self._own.named(os.path.join(self._root, path))):
            raise _belongs(path, part, "reads or changes")
        files = self._current()
        if files and path and (rule := self._rule(files, path)):
            raise Ignored(
                f"'{path}' is kept from the agent by {rule.file}, line {rule.number} ('{rule.text}'):"
                " do without it, or ask the user"
            )

    def must_be_changeable(self, path: str) -> None:
        """As `must_allow`; the rules themselves are the user's to change."""
        self.must_allow(path)
        if path.casefold() in NAMES:
            raise Ignored(f"'{path}' says what the agent may not see: only the user changes it")
        self.must_not_be_changed_as_own(path)

    def must_not_be_read_as_own(self, path: str, status: os.stat_result) -> None:
        """Raises Kept for what is open if it is agent-lsp's own and cannot be read, whatever name it was opened by."""
        if path and (part := self._own.unreadable(self._root, path, status)):
            raise _belongs(path, part, "reads or changes")

    def must_not_be_changed_as_own(self, path: str, status: os.stat_result | None = None) -> None:
        """Raises Kept for a path, its folder's links resolved, that is agent-lsp's own and cannot be changed."""
        if part := self._own.unchangeable(self._root, path, status):
            raise _belongs(path, part, "changes")

    def judge(self) -> Callable[[str], bool]:
        """Whether a file, which is known to be no folder, may be shown, by the rules as they are now."""
        files = self._current()
        kept = _Kept(files)
        own = self._own
        if not (own.leads_to(self._root) or own.named(self._root)):
            return (lambda path: kept.file(path) is None) if files else (lambda _: True)
        return lambda path: not own.named(os.path.join(self._root, path)) and kept.file(path) is None

    def keeper(self) -> Callable[[str, bool], bool] | None:
        """Whether a path, a folder or not, is kept from the agent, by the rules as they are now; None without rules.

        Raises Kept where they cannot be read.
        """
        files = self._current()
        kept = _Kept(files)
        return (lambda path, folder: bool(kept.folder(path) if folder else kept.file(path))) if files else None

    @property
    def any(self) -> bool:
        """Whether there are any. Raises Kept where they cannot be read."""
        return bool(self._current())

    @property
    def own(self) -> tuple[str, ...]:
        """What of agent-lsp's own below the root no search should look into."""
        beneath = self._root.rstrip("/") + "/"
        return tuple(name.removeprefix(beneath) for name in self._own.private() if name.startswith(beneath))

    @property
    def paths(self) -> tuple[str, ...]:
        """The absolute paths of the files of rules that there are."""
        self._current()
        return tuple(os.path.join(self._root, name) for name in self._files)

    def _rule(self, files: Sequence[_File], path: str) -> _Rule | None:
        kept = _Kept(files)
        as_file, as_folder = kept.file(path), kept.folder(path)
        if as_file == as_folder:
            return as_file
        return as_folder if self._is_folder(path) else as_file

    def _is_folder(self, path: str) -> bool:
        return os.path.isdir(os.path.join(self._root, path))

    def _current(self) -> tuple[_File, ...]:
        for name in NAMES:
            stamp = self._stamp(name)
            if stamp is None:
                self._files.pop(name, None)
            elif name not in self._files or self._files[name].stamp != stamp:
                self._files[name] = _read(self._root, name, stamp)
        return tuple(self._files.values())

    def _stamp(self, name: str) -> tuple[int, ...] | None:
        try:
            status = os.stat(os.path.join(self._root, name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(name, error.strerror) from error
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class _Kept:
    """Which rule keeps a path, or a folder above it, from the agent: nothing below such a folder comes back."""

    def __init__(self, files: Sequence[_File]) -> None:
        self._files = files
        self._folders: dict[str, _Rule | None] = {"": None}

    def file(self, path: str) -> _Rule | None:
        return self.folder(path.rpartition("/")[0]) or self._own(path)

    def folder(self, path: str) -> _Rule | None:
        if path not in self._folders:
            self._folders[path] = self.folder(path.rpartition("/")[0]) or self._own(f"{path}/")
        return self._folders[path]

    def _own(self, path: str) -> _Rule | None:
        """Of each file's rules the last that means a path decides."""
        for file in self._files:
            rule = next((rule for rule in reversed(file.rules) if rule.applies(path)), None)
            if rule and rule.keeps:
                return rule
        return None


def _read(root: str, name: str, stamp: tuple[int, ...]) -> _File:
    """Rules that cannot be read keep everything from the agent."""
    try:
        descriptor = open_beneath(root, name, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(name, error.strerror) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _unreadable(name, "it is no regular file")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > _MOST_BYTES:
        raise _unreadable(name, f"it has more than {_MOST_BYTES >> 20} MB")
    return _File(stamp, tuple(_parsed(name, os.fsdecode(data.removeprefix(b"\xef\xbb\xbf")))))


def _belongs(path: str, part: Part, does: str) -> Ignored:
    return Ignored(f"'{path}' belongs to {part}, which no tool {does}: only the user changes it, by hand")


def _unreadable(name: str, why: str | None) -> Ignored:
    return Ignored(f"the rules in {name} cannot be read ({why}): nothing is read or changed until they can")


def _parsed(name: str, text: str) -> Iterator[_Rule]:
    """The rules in order; a line that git would not take as one means nothing."""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        with suppress(ValueError):
            for exact, folded in zip(_patterns(line), _patterns(_folded(line)), strict=False):
                yield _Rule(name, number, line.strip(), bool(exact.include), exact, folded)


def _patterns(line: str) -> list[Pattern]:
    """A tab at the end belongs to the name; the library takes it for a blank."""
    ended = _TAB_AT_END.sub("[\t]", line)
    return [pattern for pattern in GitIgnoreSpec.from_lines([ended]).patterns if pattern.include is not None]


def _matches(pattern: Pattern, path: str) -> bool:
    """Patterns are lines: none can mean a line end."""
    return pattern.match_file(path.replace("\n", " ")) is not None


def _folded(text: str) -> str:
    """Disks that do not tell upper from lower case, or one form of an accent from another, are many."""
    return unicodedata.normalize("NFC", text.casefold())
