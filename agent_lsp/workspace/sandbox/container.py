"""Confined by a container of Docker or Podman, whose image the user has named."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent_lsp.workspace.sandbox import Launch, Level, View
from agent_lsp.workspace.sandbox.limits import DEFAULT, Limits
from agent_lsp.workspace.sandbox.mounts import Kind, mounts
from agent_lsp.workspace.sandbox.stubs import Stubs

_CONFINED = (
    "--rm", "--init", "--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
    "--tmpfs=/tmp", "--pull=never",
)  # fmt: skip


class Container:
    """Starts commands in a container each. It sees the image and the roots, not the machine; and no buffers.

    The engine does not end a container with its client: `Launch.afterwards` does, and when we are killed, `timeout`
    of the image does so after `most_seconds`.
    """

    level = Level.CONTAINER
    shows_buffers = False
    keeps_all = True

    def __init__(
        self,
        program: str,
        image: str,
        nothing: Path,
        stubs: Stubs,
        *,
        most_seconds: float,
        limits: Limits = DEFAULT,
        new_name: Callable[[], str] = lambda: f"agent-lsp-{secrets.token_hex(8)}",
    ) -> None:
        self._program, self._image, self._stubs, self._limits = program, image, stubs, limits
        self._seconds, self._new_name = most_seconds, new_name
        self._closed, self._empty = nothing / "closed", nothing / "empty"
        self._empty.mkdir(mode=0o555, parents=True, exist_ok=True)
        self._closed.touch(mode=0)

    @contextmanager
    def launch(self, argv: Sequence[str], *, cwd: str, view: View) -> Iterator[Launch]:
        """As the protocol says."""
        planned = mounts(view, self._stubs.has)
        flags = []
        for mount in planned:
            source, mode = self._source(mount.kind, mount.path)
            if source:
                flags.append(f"--mount=type=bind,source={source},target={mount.path}{mode}")
            elif mount.kind is Kind.CLOSED_FOLDER:
                flags.append(f"--tmpfs={mount.path}:mode=0444")
            elif mount.kind is Kind.HIDDEN_FOLDER and any(mount.path.startswith(f"{root}/") for root in view.roots):
                flags.append(f"--tmpfs={mount.path}:mode=0555")
        name = self._new_name()
        limits = [f"--pids-limit={self._limits.processes}", f"--memory={self._limits.memory_bytes}"]
        user = f"--user={os.getuid()}:{os.getgid()}"
        command = [self._program, "run", f"--name={name}", *_CONFINED, *limits, user, *flags, f"--workdir={cwd}"]
        ended = ["timeout", "-s", "KILL", str(round(self._seconds))]
        links = tuple(mount.path for mount in planned if mount.kind is Kind.LINK)
        with self._stubs.standing(planned):
            yield Launch(
                (*command, self._image, *ended, *argv),
                unguarded=links,
                afterwards=(self._program, "rm", "--force", name),
            )

    def _source(self, kind: Kind, path: str) -> tuple[str, str]:
        match kind:
            case Kind.WRITABLE | Kind.PINNED:
                return path, ""
            case Kind.READ_ONLY | Kind.DECOY:
                return path, ",readonly"
            case Kind.MISSING:
                return str(self._empty), ",readonly"
            case Kind.HIDDEN_FILE:
                return str(self._closed), ",readonly"
            case _:
                return "", ""
