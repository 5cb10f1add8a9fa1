"""A real folder to work in, and an editor that holds what a test opens in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import FileChange
from agent_lsp.files.editor import EditorRefused
from agent_lsp.files.files import Files
from agent_lsp.files.overlay import Buffer, Overlay
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes


class OpenBuffers:
    """An editor that does what it is asked; it refuses once `stale` is set.

    Of `typing`, the user types the next text just before each edit comes, which is stale then.
    """

    def __init__(self) -> None:
        self.buffers: dict[str, Buffer] = {}
        self.stale = False
        self.typing: list[str] = []
        self.overlay = Overlay(lambda: tuple(self.buffers.values()))

    def open(self, path: Path, text: str) -> None:
        self.buffers[str(path)] = Buffer(str(path), path.as_uri(), text, 1)

    async def apply(self, change: FileChange, buffer: Buffer) -> None:
        if self.typing:
            self.type(buffer.path, self.typing.pop(0))
        if self.stale or change.after is None or self.buffers[buffer.path].version != buffer.version:
            raise EditorRefused("the editor holds another text")
        self.type(buffer.path, change.after)

    def type(self, path: str, text: str) -> None:
        buffer = self.buffers[path]
        self.buffers[path] = replace(buffer, text=text, version=buffer.version + 1)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text("secret\n")
    return folder


@pytest.fixture
def editor() -> OpenBuffers:
    return OpenBuffers()


@pytest.fixture
def files(workspace: Path, editor: OpenBuffers) -> Files:
    return Files(Roots([str(workspace)]), editor)


@pytest.fixture
async def processes() -> AsyncIterator[Processes]:
    processes = Processes()
    yield processes
    await processes.close()
