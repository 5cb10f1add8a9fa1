"""Places in a workspace as values: its folders, paths beneath them, and why one cannot be used."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from agent_lsp.conversation.actions import WorkspacePath
from agent_lsp.workspace.ignore import PathRefused as PathRefused  # noqa: PLC0414 - the word of this room
from agent_lsp.workspace.ignore import Rules


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
    rules: Rules = field(compare=False, repr=False)


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
        return Path(self.path).as_uri()


def path_of(uri: str) -> str | None:
    """The path of a `file:` URI, None for any other. Bytes that are no UTF-8 come as Python's file names have them."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or not path.startswith("/") or "\0" in path:
        return None
    return path
