"""Which Python a workspace runs its code with."""

from __future__ import annotations

import os

from agent_lsp.files.location import Location, PathRefused, Root
from agent_lsp.files.safe_open import opened

_OWN = (".venv", "venv")


def interpreter(root: Root) -> str:
    """The absolute path of the root's virtual environment's Python, else `python3`. Never the one we run in."""
    for name in _OWN:
        folder = f"{name}/bin"
        try:
            with opened(Location(root, folder, folder), os.O_RDONLY | os.O_DIRECTORY) as descriptor:
                if os.access("python", os.X_OK, dir_fd=descriptor):
                    return f"{root.path}/{folder}/python"
        except PathRefused:
            continue
    return "python3"
