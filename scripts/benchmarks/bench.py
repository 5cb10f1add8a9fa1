"""What every figure runs on: the mock, a workspace, two daemons side by side, and how busy others keep the machine."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from .client import Client
from .mock import Mock, Tokens

SMALL = "small.txt"
_FLOOR = Path(__file__).with_name("floor.py")
_UNWANTED = ("AGENT_LSP_", "OPENAI_", "ANTHROPIC_")


class Side(StrEnum):
    """Whose figure it is."""

    OURS = "ours"
    FLOOR = "floor"


@dataclass(frozen=True, slots=True)
class Bench:
    """A place to measure in: `runs` is how often each figure is taken, `folder` is thrown away at the end."""

    mock: Mock
    url: str
    folder: Path
    runs: int

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @asynccontextmanager
    async def spawned(self, side: Side) -> AsyncIterator[Client]:
        """A daemon that was only started."""
        with TemporaryDirectory(dir=self.folder) as state:
            client = await Client.spawn(self._argv(side), self._environment(state), self.workspace)
            try:
                yield client
            finally:
                await client.stop()

    @asynccontextmanager
    async def running(self, side: Side) -> AsyncIterator[Client]:
        """A daemon that has answered one prompt, so that nothing happens for the first time."""
        async with self.spawned(side) as client:
            await client.initialize()
            self.mock.answer(lambda _: Tokens(1))
            await client.ask("warm up")
            await client.turn_ended()
            yield client

    def _argv(self, side: Side) -> list[str]:
        if side is Side.FLOOR:
            return [sys.executable, str(_FLOOR), self.url, str(self.workspace)]
        return [sys.executable, "-m", "agent_lsp", "serve"]

    def _environment(self, state: str) -> dict[str, str]:
        ours = {
            "AGENT_LSP_MODEL": "openai-chat:bench",
            "AGENT_LSP_BASE_URL": self.url,
            "AGENT_LSP_STATE_DIR": state,
            "AGENT_LSP_MAX_STEPS": "2000",
            "AGENT_LSP_MAX_TOOL_CALLS": "2000",
            "AGENT_LSP_MAX_TOKENS": "1000000000",
            "XDG_CONFIG_HOME": state,
        }
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_UNWANTED) and not name.lower().endswith("_proxy")
        }
        return {**kept, **ours}


def make_workspace(folder: Path) -> None:
    """A folder with one small file."""
    folder.mkdir()
    (folder / SMALL).write_text("".join(f"line {number} of a small file\n" for number in range(40)))


def milliseconds(nanoseconds: int) -> float:
    return nanoseconds / 1e6


class Others:
    """How many cores processes other than ours kept busy (Linux; elsewhere nothing is known)."""

    def __init__(self) -> None:
        self._before = _times()

    def cores(self) -> float | None:
        """The mean since this was made. Our children count once they have ended."""
        after = _times()
        if self._before is None or after is None:
            return None
        seconds, busy, own = (now - then for now, then in zip(after, self._before, strict=True))
        return max(0.0, (busy - own) / seconds)


def _times() -> tuple[float, float, float] | None:
    """Seconds: of the clock, busy on all cores, and used by us and our ended children."""
    try:
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _, _, interrupt, soft, _ = map(int, words)
    busy = (user + nice + system + interrupt + soft) / os.sysconf("SC_CLK_TCK")
    used = os.times()
    return time.monotonic(), busy, used.user + used.system + used.children_user + used.children_system
