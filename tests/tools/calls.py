"""Calls of tools as `agent/call.py` makes them, without a policy between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_lsp.conversation.actions import Action
from agent_lsp.tools import ChangingTool, Done, ReadingTool, Shown, ToolContext


async def read(tool: ReadingTool[Any], context: ToolContext, **arguments: object) -> str:
    found = await shown(tool, context, **arguments)
    if isinstance(found, Shown):
        assert not found.images
        return found.text
    return found


async def shown(tool: ReadingTool[Any], context: ToolContext, **arguments: object) -> str | Shown:
    return await tool.perform(tool.arguments.model_validate(arguments), context)


async def prepared(tool: ChangingTool[Any], context: ToolContext, **arguments: object) -> Action:
    return await tool.prepare(tool.arguments.model_validate(arguments), context)


async def done(tool: ChangingTool[Any], context: ToolContext, **arguments: object) -> str:
    performed = await tool.perform(await prepared(tool, context, **arguments), context)
    return performed.text if isinstance(performed, Done) else performed


def snapshot_of(folder: Path) -> dict[str, tuple[int, float, bytes]]:
    """All that is in a folder: mode, time of change and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_mtime, path.read_bytes() if path.is_file() else b"")
    return found
