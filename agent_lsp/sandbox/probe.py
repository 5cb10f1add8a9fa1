"""Whether a level holds: forbidden things are really tried in it, and an allowed one beside them."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.processes.run import Processes, environment
from agent_lsp.sandbox import Sandbox, SandboxRefused, SandboxView
from agent_lsp.sandbox.launch import launched
from agent_lsp.sandbox.scratch import scratch

_SECONDS = 60.0
"""A container's engine may have an image of gigabytes to prepare, once."""
_MOST_BYTES = 10_000
_TRIED = """
import os, socket, sys
inside, outside, hidden, listener, pipe, parent = sys.argv[1:]
try:
    open(inside, "w").close()
except OSError as error:
    sys.exit(f"a file of the workspace could not be written: {error.strerror}")
def tried(what, how):
    try:
        how()
    except OSError:
        return
    print("done:", what)
def send(kind):
    with socket.socket(socket.AF_INET, kind) as one:
        one.settimeout(0.2)
        try:
            one.connect(("192.0.2.1", 9))
        except TimeoutError:
            pass
def meet():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(listener)
tried("", lambda: open(outside, "w").close())
tried("a hidden file was read", lambda: open(hidden).read())
tried("a socket of this machine was reached", meet)
if pipe:
    tried("a named pipe outside was written to", lambda: os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
tried("the network was reached", lambda: send(socket.SOCK_DGRAM))
tried("the network was reached", lambda: send(socket.SOCK_STREAM))
def spied():
    pid, begun = parent.split(":")
    if open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[19] != begun:
        raise OSError
    open(f"/proc/{pid}/environ").read()
tried("the daemon's environment was read", spied)
print("all tried")
"""
"""What it writes outside may come to lie in a file system of its own, so that is looked at from here.

192.0.2.0/24 is nobody's (RFC 5737): a connection is begun or refused, never answered.
"""

_DONE, _END = "done: ", "all tried"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where it is tried; `listener` is a socket with a name that somebody listens at, `pipe` one that is read."""

    root: Path
    outside: Path
    hidden: Path
    listener: Path
    pipe: Path


async def failing(
    sandbox: Sandbox, processes: Processes, folder: Path, python: str, *, seconds: float = _SECONDS
) -> str:
    """What a level does not hold, in words; empty when it holds. `folder` is where it may be
    tried, `python` an interpreter that can be run in it."""
    with _place(folder) as place:
        view = SandboxView((str(place.root),), (), (str(place.hidden),))
        argv = [python, "-I", "-S", "-c", _TRIED, str(place.root / "file"), str(place.outside)]
        argv += [str(place.hidden), str(place.listener), str(place.pipe) if sandbox.keeps_all else "", _ourselves()]
        try:
            with sandbox.launch(argv, cwd=str(place.root), view=view) as launch:
                ended = await launched(
                    launch,
                    processes,
                    cwd=str(place.root),
                    env=environment(),
                    timeout_seconds=seconds,
                    most_bytes=_MOST_BYTES,
                )
        except (OSError, SandboxRefused) as error:
            return str(error)
        if ended.timed_out:
            return f"nothing ended in it within {seconds:g} seconds"
        return _judged(ended.output.decode("utf-8", "replace").splitlines(), place)


def _judged(said: Sequence[str], place: _Place) -> str:
    """What was done of the forbidden. Other lines are those of whatever runs the trial, which may have warnings."""
    owner = _owner(place.root / "file")
    if _END not in said or owner is None:
        return " ".join(said)[:300] or "nothing could be run in it"
    if owner != os.geteuid():
        return f"what it writes belongs to user {owner}"
    done = dict.fromkeys(line.removeprefix(_DONE) for line in said if line.startswith(_DONE))
    return "; ".join([*filter(None, done), *(["a file outside was written"] if place.outside.exists() else [])])


def _owner(file: Path) -> int | None:
    try:
        return file.stat().st_uid
    except OSError:
        return None


def _ourselves() -> str:
    """Our number and when we began: within a namespace somebody else may have our number."""
    try:
        return f"{os.getpid()}:{Path('/proc/self/stat').read_text().rpartition(')')[2].split()[19]}"
    except OSError:  # not Linux
        return "0:0"


@contextmanager
def _place(folder: Path) -> Iterator[_Place]:
    with scratch(folder) as name, socket.socket(socket.AF_UNIX) as listener:
        place = _Place(*(Path(name) / part for part in ("root", "outside", "hidden", "s", "pipe")))
        place.root.mkdir()
        place.hidden.write_text("hidden")
        _listen(listener, place.listener)
        os.mkfifo(place.pipe)
        reader = os.open(place.pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            yield place
        finally:
            os.close(reader)


def _listen(listener: socket.socket, path: Path) -> None:
    """Binds by way of a descriptor: a socket's name has 107 bytes at most (unix(7)), a folder's may have more."""
    holder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{holder}/{path.name}" if sys.platform == "linux" else str(path))
    finally:
        os.close(holder)
    listener.listen()
