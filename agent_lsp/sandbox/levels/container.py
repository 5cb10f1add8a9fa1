"""Confined by a container of Docker or Podman, whose image the user has named."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent_lsp.processes.tree import MARK
from agent_lsp.sandbox import Launch, Level, SandboxRefused, SandboxView
from agent_lsp.sandbox.guard.mounts import Kind, Mount, mode, mounts
from agent_lsp.sandbox.guard.placeholders import Placeholders
from agent_lsp.sandbox.guard.unreadable import Unreadable
from agent_lsp.sandbox.levels.engines import Engine
from agent_lsp.sandbox.scratch import scratch
from agent_lsp.sandbox.trusted_programs import beneath

_CONFINED = (
    "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pull=never",
    "--log-driver=none", "--no-healthcheck", "--stop-signal=KILL", "--entrypoint=sh",
)  # fmt: skip
_VARIABLES = {"HOME": "/tmp", "TMPDIR": "/tmp"}  # noqa: S108 - a command's own
_TEMPORARY = "/tmp"  # noqa: S108 - likewise
_RUN = 'exec 2>&1; ulimit -c 0; timeout -s KILL "$@"; exit $?'
"""What the first process of a container runs: a shell that waits buries orphans, and keeps both outputs in order."""
_START = f'''program=$1; mark=${MARK}; shift; unset {MARK}; exec "$program" run "--env={MARK}=$mark" "$@"'''
"""Our mark is for the container, not for the engine, which may begin a process that serves the user's others too."""
_LAUNCHER = Path(__file__).with_name("filter_launcher.py")
_MOUNTED = Path("/proc/self/mountinfo")


class Container:
    """Starts commands in a container each. It sees the image and the roots, not the machine.

    The image must have `sh`, `timeout` and `python3`, which adds our filter of system calls to the engine's.

    The engine does not end a container with its client: `Launch.afterwards` does, and when we are killed, the guard
    finds it by our mark; where it cannot, `timeout` of the image ends it after `most_seconds`.
    """

    level = Level.CONTAINER
    shows_buffers = True
    keeps_all = True

    def __init__(
        self,
        engine: Engine,
        image: str,
        nothing: Path,
        filter_program: bytes,
        stubs: Placeholders,
        *,
        most_seconds: float,
        new_name: Callable[[], str] = lambda: f"agent-lsp-{secrets.token_hex(8)}",
    ) -> None:
        """`nothing` is a folder of ours."""
        self._engine, self._image, self._folder, self._stubs = engine, image, nothing, stubs
        self._seconds, self._new_name = most_seconds, new_name
        self._filtered = ("python3", "-I", "-S", "-c", _LAUNCHER.read_text("utf-8"), filter_program.hex())
        self._empty = nothing / "empty"
        self._empty.mkdir(mode=0o555, parents=True, exist_ok=True)
        self._unreadable = Unreadable(nothing)

    @contextmanager
    def launch(self, argv: Sequence[str], *, cwd: str, view: SandboxView) -> Iterator[Launch]:
        """As the protocol says."""
        planned = mounts(view, self._stubs.vacant)
        with (
            self._stubs.standing(planned) as covers,
            scratch(self._folder) as buffers,
        ):
            flags = [flag for mount in planned for flag in self._flags(mount, view, Path(buffers))]
            flags += [_bound(path, path, "readonly") for path in _mounted_below(planned)]
            if _TEMPORARY not in view.roots:
                flags.append(f"--tmpfs={_TEMPORARY}:exec,mode=1777")
            name, program = self._new_name(), self._engine.program
            flags += [f"--env={one}={value}" for one, value in {**_VARIABLES, **view.variables}.items()]
            run = ["/bin/sh", "-c", _START, "sh", program, f"--name={name}", *_CONFINED, *self._engine.flags, *flags]
            command = ["-c", _RUN, "sh", str(round(self._seconds)), *self._filtered, *argv]
            yield Launch(
                _in_utf8((*run, f"--workdir={cwd}", self._image, *command)),
                variables=self._engine.variables,
                unguarded=tuple(mount.path for mount in planned if mount.kind is Kind.LINK),
                afterwards=(program, "rm", "--force", "--volumes", name),
                covers=covers,
            )

    def _flags(self, mount: Mount, view: SandboxView, buffers: Path) -> Iterator[str]:
        path = mount.path
        if not beneath(path, view.roots):  # it is not in the container anyway
            return
        match mount.kind:
            case Kind.LINK | Kind.EMPTY:
                return
            case Kind.WRITABLE | Kind.PINNED:
                yield _bound(path, path)
            case Kind.READ_ONLY | Kind.DECOY:
                yield _bound(path, path, "readonly")
            case Kind.BUFFER:
                yield _bound(_written(buffers, view.buffers[path], mode(path)), path, "readonly")
            case Kind.CLOSED_FOLDER:
                yield f"--tmpfs={path}:mode=0444"
            case Kind.MISSING | Kind.HIDDEN_FOLDER:
                yield _bound(str(self._empty), path, "readonly")
            case Kind.HIDDEN_FILE:
                yield _bound(self._unreadable.like(path), path, "readonly")


def _bound(source: str, target: str, *options: str) -> str:
    """A mount as a line of comma-separated values, which is how both engines read it."""
    fields = ("type=bind", f"source={source}", f"target={target}", *options)
    return "--mount=" + ",".join('"' + field.replace('"', '""') + '"' for field in fields)


def _written(folder: Path, data: bytes, permissions: int) -> str:
    file = folder / str(len(os.listdir(folder)))
    file.write_bytes(data)
    file.chmod(permissions)
    return str(file)


def _mounted_below(planned: Sequence[Mount]) -> Iterator[str]:
    """The file systems that are mounted below what is read-only: an engine would leave those writable."""
    kinds = {mount.path: mount.kind for mount in planned}
    for point in _mount_points() - kinds.keys():
        holder = max((path for path in kinds if beneath(point, [path])), key=len, default=None)
        if holder is not None and kinds[holder] is Kind.READ_ONLY:
            yield point


def _mount_points() -> set[str]:
    """Where something is mounted (proc_pid_mountinfo(5)); nothing on systems that have no such table."""
    try:
        lines = _MOUNTED.read_bytes().splitlines()
    except OSError:
        return set()
    octal = re.compile(rb"\\([0-7]{3})")
    return {os.fsdecode(octal.sub(lambda one: bytes([int(one[1], 8)]), line.split()[4])) for line in lines}


def _in_utf8(argv: Sequence[str]) -> tuple[str, ...]:
    """Engines hand words on as JSON, in which other bytes would become other words. Raises SandboxRefused."""
    for word in argv:
        try:
            word.encode()
        except UnicodeEncodeError as error:
            shown = word.encode("utf-8", "backslashreplace").decode()
            raise SandboxRefused(f"a container takes names and words in UTF-8 only: {shown}") from error
    return tuple(argv)
