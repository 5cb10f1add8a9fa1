"""All of a question as a read-only document, for those that are too long to be shown where they are asked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from agent_lsp.conversation.actions import ApprovalRequest, FileChange
from agent_lsp.permissions.approval import whole

FOLDER = "questions"
"""Of the state folder."""


def document(request: ApprovalRequest, state: Path) -> Path:
    """Where all that would be done is written."""
    ending = ".diff" if isinstance(request.action.effect, FileChange) else ".txt"
    return state / FOLDER / f"{request.id}{ending}"


def write(request: ApprovalRequest, state: Path) -> Path:
    """Writes the document, mode 0400. Blocks: call it in a thread. Raises OSError."""
    return put(document(request, state), whole(request.action))


def put(file: Path, pieces: Iterable[str]) -> Path:
    """Writes a document that is not there yet, mode 0400, following no link. Blocks. Raises OSError."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.writelines(pieces)
    return file
