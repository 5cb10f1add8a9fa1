"""The workbench: the tools of a turn, and everything that performs their calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent_lsp.agent.context import result_limit
from agent_lsp.conversation.actions import Action, ToolKind
from agent_lsp.files.location import PathRefused
from agent_lsp.permissions.secrets import Secrets
from agent_lsp.provenance.origins import Origins
from agent_lsp.tools import ReadingTool, Toolbox, ToolContext, ToolError
from agent_lsp.tools.output import fit
from agent_lsp.undo.checkpoints import Checkpoint, Checkpoints
from agent_lsp.undo.content_store import NotKept

_AT_ONCE = 64 << 10  # characters whose cleaning the event loop does not notice


@dataclass(frozen=True, slots=True)
class Workbench:
    """Tools and what they may use. A result has at most `most_characters`.

    `mark` is the turn's random word, which no text from outside can know.
    """

    toolbox: Toolbox
    tools: ToolContext
    checkpoints: Checkpoints
    origins: Origins
    secrets: Secrets
    most_characters: int
    mark: str

    def kind(self, tool: str) -> ToolKind:
        """The kind of a tool, also of one that there is not."""
        try:
            return self.toolbox.find(tool).kind
        except ToolError:
            return ToolKind.OTHER

    def runs_beside_others(self, tool: str) -> bool:
        """Whether calls of a tool may run at the same time as their neighbours."""
        try:
            found = self.toolbox.find(tool)
        except ToolError:
            return True
        return isinstance(found, ReadingTool) and found.kind.side_by_side

    def context(self, output: Callable[[str], None]) -> ToolContext:
        """What one call may use; `output` is shown what its command prints."""
        return replace(self.tools, output=output)

    async def checkpoint(self, action: Action) -> Checkpoint:
        """Copies of what an action changes; they are on disk when it returns. Raises ToolError."""
        try:
            return await self.checkpoints.take(action)
        except (NotKept, PathRefused) as error:
            raise ToolError(f"not done: {error}") from error

    async def fitted(self, text: str, *, window: int, rest: str) -> str:
        """A result as a model with that window (tokens) is told it: without secrets, and not too long."""
        most = result_limit(window, self.most_characters)
        if len(text) <= _AT_ONCE:
            return self._fitted(text, most, rest)
        return await asyncio.to_thread(self._fitted, text, most, rest)

    def _fitted(self, text: str, most: int, rest: str) -> str:
        return fit(self.secrets.clean(text), most, rest)
