"""Places in a workspace as values: its folders, paths beneath them, and why one cannot be used."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from agent_lsp.conversation.actions import WorkspacePath
from agent_lsp.conversation.uris import uri_of
from agent_lsp.files.agentignore import IgnoreRules
from agent_lsp.files.agentignore import PathRefused as PathRefused  # noqa: PLC0414 - the word of this room


class NotThere(PathRefused):
    """There is no such file or folder."""


class Moved(PathRefused):
    """Something else stands there than was expected; it was left as it is."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder the client opened. `name` is how paths beneath it begin where there are several roots.

    `rules` say what the user keeps from the agent there.
    """

    name: str
    path: str
    rules: IgnoreRules = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Location:
    """A path beneath a root: `relative` has no `..` and no leading slash; it is empty for the root itself."""

    root: Root
    relative: str
    shown: str

    @property
    def path(self) -> str:
        return os.path.join(self.root.path, self.relative) if self.relative else self.root.path

    @property
    def value(self) -> WorkspacePath:
        """The place alone, for actions."""
        return WorkspacePath(self.root.path, self.relative, self.shown)

    @property
    def uri(self) -> str:
        return uri_of(self.path)
