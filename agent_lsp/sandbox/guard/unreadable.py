"""What stands in place of an entry that a command may not open."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


class Unreadable:
    """A file and a named pipe that nobody may open, for files and for pipes or sockets.

    What walks a workspace, such as git, leaves out a pipe and fails at a file that it cannot read.
    """

    def __init__(self, folder: Path) -> None:
        """They are made in a folder of ours."""
        self._file, self._pipe = folder / "closed", folder / "closed-pipe"
        self._file.touch(mode=0)
        with suppress(FileExistsError):
            os.mkfifo(self._pipe, mode=0)

    def like(self, path: str) -> str:
        """The one that stands for what is at a path."""
        try:
            mode = os.lstat(path).st_mode
        except OSError:  # gone: the sandbox will say so
            return str(self._file)
        return str(self._pipe if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else self._file)
