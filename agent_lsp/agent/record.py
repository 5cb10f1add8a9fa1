"""The part of a conversation that a turn reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agent_lsp.conversation.entries import Content
from agent_lsp.conversation.estimate import PastTurn
from agent_lsp.conversation.messages import Message, UserMessage
from agent_lsp.journal.journal import Paid


class Record(Protocol):
    """A conversation, as its running turn sees it."""

    @property
    def messages(self) -> Sequence[Message]:
        """The messages, oldest first."""

    def has_call(self, call_id: str) -> bool:
        """Whether the conversation has a call with this id."""

    async def append(self, *contents: Content, paid: Paid = Paid(), used: PastTurn | None = None) -> None:
        """Writes entries, with what was paid and at a turn's end what it used; they are on disk when it returns.

        A write once begun is finished even if cancelled.
        """

    def take_joined(self) -> tuple[UserMessage, ...]:
        """The prompts that came in since the last time."""
