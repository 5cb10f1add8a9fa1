"""A process that appends to a journal for ever and prints each number once it is acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from agent_lsp.conversation.entries import Said
from agent_lsp.conversation.messages import UserMessage
from agent_lsp.journal.journal import Journal, Paid


async def write_for_ever(file: Path, session_id: str) -> None:
    journal = Journal(file)
    await journal.create(session_id, workspace="/w", title="kill me")
    head = None
    with journal.hold(session_id):
        while True:
            (entry,) = await journal.append(session_id, head, (Said(UserMessage("x" * 500)),), paid=Paid(0.5))
            head = entry.seq
            print(head, flush=True)


if __name__ == "__main__":
    asyncio.run(write_for_ever(Path(sys.argv[1]), sys.argv[2]))
