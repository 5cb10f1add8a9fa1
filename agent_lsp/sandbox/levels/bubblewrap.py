"""Confined by bubblewrap: namespaces of its own, a read-only machine, no network, no capabilities, dead with us."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agent_lsp.sandbox import Launch, Level, SandboxView
from agent_lsp.sandbox.guard.mounts import Kind, Mount, mode, mounts
from agent_lsp.sandbox.guard.placeholders import Placeholders
from agent_lsp.sandbox.guard.unreadable import Unreadable
from agent_lsp.sandbox.levels.landlock_in_bwrap import VARIABLES, within
from agent_lsp.sandbox.limits import ResourceBounds

_NAMESPACES = ("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL")
_ENDS = ("--new-session", "--die-with-parent")
_VARIABLES = {"TMPDIR": "/tmp", **VARIABLES}  # noqa: S108 - a command's own
_MACHINE = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")


class Bubblewrap:
    """Starts commands by `bwrap` (0.8 or later). Hidden files cannot be read, hidden or missing folders are empty.

    With `perl` they have Landlock on top.
    """

    level = Level.BUBBLEWRAP
    shows_buffers = True

    def __init__(
        self,
        program: str,
        nothing: Path,
        filter_program: bytes | None,
        bounds: ResourceBounds,
        stubs: Placeholders,
        perl: str | None = None,
    ) -> None:
        """`nothing` is a folder of ours; in it is made what stands for hidden files."""
        self._program, self._filter, self._bounds, self._stubs = program, filter_program, bounds, stubs
        self._perl = perl
        nothing.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._unreadable = Unreadable(nothing)

    @property
    def keeps_all(self) -> bool:
        return self._perl is not None

    @contextmanager
    def launch(self, argv: Sequence[str], *, cwd: str, view: SandboxView) -> Iterator[Launch]:
        """As the protocol says."""
        planned = mounts(view, self._stubs.vacant)
        with ExitStack() as stack:
            covers = stack.enter_context(self._stubs.standing(planned))
            descriptors: list[int] = []

            def inherited(data: bytes) -> str:
                descriptors.append(stack.enter_context(_memory(data)))
                return str(descriptors[-1])

            flags = [flag for mount in planned for flag in self._flags(mount, view, inherited)]
            if self._filter is not None:
                flags += ["--seccomp", inherited(self._filter)]
            command = [self._program, *_NAMESPACES, *_ENDS, *_MACHINE, *flags, "--chdir", cwd, "--"]
            started = self._bounds.outside([*command, *self._within(planned, self._bounds.inside(argv))])
            links = tuple(one.path for one in planned if one.kind is Kind.LINK)
            variables = {**view.variables, **_VARIABLES}
            yield Launch(tuple(started), tuple(descriptors), variables, links, covers=covers)

    def _within(self, planned: Sequence[Mount], argv: Sequence[str]) -> Sequence[str]:
        if self._perl is None:
            return argv
        return within(self._perl, [one.path for one in planned if one.kind in {Kind.WRITABLE, Kind.EMPTY}], argv)

    def _flags(self, mount: Mount, view: SandboxView, inherited: Callable[[bytes], str]) -> list[str]:
        path = mount.path
        match mount.kind:
            case Kind.LINK:
                return []
            case Kind.EMPTY:
                return ["--perms", "1777", "--tmpfs", path]
            # A file system of its own is mounted in a third of the time of a bind. A hidden folder can be listed, for
            # whatever walks the workspace (tests, `git add`, `find`) fails at one that cannot.
            case Kind.MISSING | Kind.HIDDEN_FOLDER:
                return ["--perms", "0555", "--tmpfs", path]
            case Kind.CLOSED_FOLDER:
                return ["--perms", "0444", "--tmpfs", path]
            case Kind.WRITABLE | Kind.PINNED:
                return ["--bind", path, path]
            case Kind.READ_ONLY | Kind.DECOY:
                return ["--ro-bind", path, path]
            case Kind.BUFFER:
                return ["--perms", f"{mode(path):04o}", "--ro-bind-data", inherited(view.buffers[path]), path]
            case Kind.HIDDEN_FILE:
                return ["--ro-bind", self._unreadable.like(path), path]


@contextmanager
def _memory(data: bytes) -> Iterator[int]:
    """A descriptor of a file in memory that holds some bytes, read from its beginning."""
    descriptor = os.memfd_create("agent-lsp")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
