"""Tools over a real folder, with an editor that holds what a test opens in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_lsp.files.files import Files
from agent_lsp.files.roots import Roots
from agent_lsp.processes.run import Processes
from agent_lsp.search.ripgrep import program
from agent_lsp.search.search import Search
from agent_lsp.tools import ToolContext
from agent_lsp.web.setup import chosen
from tests.open_buffers import OpenBuffers
from tests.security.confined import commands


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def editor() -> OpenBuffers:
    return OpenBuffers()


@pytest.fixture
def printed() -> list[str]:
    """What running commands showed."""
    return []


@pytest.fixture
async def context(
    workspace: Path, editor: OpenBuffers, printed: list[str], tmp_path: Path
) -> AsyncIterator[ToolContext]:
    processes = Processes()
    files = Files(Roots([str(workspace)]), editor)
    async with commands(files, processes, tmp_path / "state") as runs:
        yield ToolContext(files, Search(files, processes, program()), runs, chosen(), printed.append)
    await processes.close()
