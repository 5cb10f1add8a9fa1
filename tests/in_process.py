"""The daemon's own server and handlers behind pipes, in a thread of the tests: all of it but the process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from agent_lsp.lsp.handlers import open_handlers, refused_ask
from agent_lsp.lsp.server import LoadedHandlers, attend
from tests.raw_client import Client, daemon_environment


class InProcessClient(Client):
    """Serves itself, as `agent-lsp serve` would; what dies with a process, and its environment, need a `RawClient`.

    Settings come from the environment given here, as they do there; what the system's libraries read of the
    environment is that of the tests.
    """

    def __init__(self, state: Path, env: Mapping[str, str] | None = None) -> None:
        self._environment = daemon_environment(state, env)
        (served, stdin), (stdout, told) = os.pipe(), os.pipe()
        self._served, self._told = os.fdopen(served, "rb"), os.fdopen(told, "wb")
        self._code: int | None = None
        self._thread = threading.Thread(target=self._serve, name="daemon", daemon=True)
        super().__init__(os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"))
        self._thread.start()

    def ended(self, seconds: float = 60) -> int:
        self._thread.join(seconds)
        if self._code is None:
            raise AssertionError(f"the daemon has not ended within {seconds} s, or by an error")
        return self._code

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def kill(self) -> None:
        """Ends it as a client does that is gone: by the end of its input."""
        self.reading.set()
        with contextlib.suppress(BrokenPipeError):  # it reads no more
            self.stdin.close()
        self._thread.join(60)
        assert not self.alive, "the daemon does not end with its input"
        self._served.close()
        self.stdout.close()

    def _serve(self) -> None:
        try:
            self._code = asyncio.run(_served(self._served, self._told, self._environment))
        finally:
            self._told.close()


async def _served(stdin: BinaryIO, stdout: BinaryIO, environment: Mapping[str, str]) -> int:
    loaded = LoadedHandlers(lambda server: open_handlers(server, environment), refused_ask)
    return await attend(lambda: loaded, stdin, stdout, asyncio.Event())
