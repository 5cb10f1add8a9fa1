"""A conversation as one session sees it: the path of entries from its root to its head."""

from __future__ import annotations

from collections.abc import Sequence

from agent_lsp.conversation.entries import CallBegan, Entry, PromptTaken, Said, TurnBegan, TurnEnded
from agent_lsp.conversation.messages import (
    OWN,
    AssistantMessage,
    Message,
    ResultStatus,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)


class Conversation:
    """The entries on one path, oldest first. It only grows, at its head."""

    def __init__(self, path: Sequence[Entry] = ()) -> None:
        self._path: list[Entry] = []
        self._messages: list[Message] = []
        self._call_ids: set[str] = set()
        self.grow(path)

    def grow(self, entries: Sequence[Entry]) -> None:
        """Adds entries that the journal has on disk."""
        self._path.extend(entries)
        said = [entry.content.message for entry in entries if isinstance(entry.content, Said)]
        self._messages.extend(said)
        self._call_ids.update(call.id for one in said if isinstance(one, AssistantMessage) for call in one.calls)

    @property
    def head(self) -> int | None:
        """The `seq` of the newest entry, None while there is none."""
        return self._path[-1].seq if self._path else None

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._path)

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was said, oldest first."""
        return tuple(self._messages)

    def has_call(self, call_id: str) -> bool:
        """Whether a call of that id was said."""
        return call_id in self._call_ids

    @property
    def open_turn(self) -> TurnBegan | None:
        """The turn that began and did not end: it is running, or its daemon was killed."""
        for entry in reversed(self._path):
            if isinstance(entry.content, TurnEnded):
                return None
            if isinstance(entry.content, TurnBegan):
                return entry.content
        return None

    @property
    def used_in_open_turn(self) -> Usage:
        """What the answers of the turn that did not end have used."""
        used = Usage()
        for entry in reversed(self._path):
            match entry.content:
                case TurnBegan() | TurnEnded():
                    return used
                case Said(message=AssistantMessage(usage=usage)):
                    used += usage + Usage(steps=1)
                case _:
                    pass
        return used

    def words_after_a_kill(self) -> tuple[UserMessage, ...]:
        """The prompts that were taken into a turn whose daemon was killed before they were said."""
        taken: list[UserMessage] = []
        for entry in self._path:
            if isinstance(entry.content, PromptTaken):
                taken.append(entry.content.message)
            elif isinstance(entry.content, Said) and entry.content.message in taken:
                taken.remove(entry.content.message)
        return tuple(taken)

    def results_left_open(self, what_happened: str) -> ToolMessage | None:
        """What to tell the model about calls that have no results, because of "the daemon stopped" or the like."""
        messages = self.messages
        if not messages or not isinstance(messages[-1], AssistantMessage) or not messages[-1].calls:
            return None
        began: set[str] = set()  # since that message: providers count their calls anew in each answer
        for content in (entry.content for entry in self._path):
            match content:
                case Said():
                    began.clear()
                case CallBegan(call_id=call_id):
                    began.add(call_id)
                case _:
                    pass
        return ToolMessage(tuple(_lost(call, call.id in began, what_happened) for call in messages[-1].calls))


def _lost(call: ToolCall, began: bool, what_happened: str) -> ToolResult:  # noqa: FBT001 - two facts about one call
    because = what_happened[0].upper() + what_happened[1:]
    if began:
        text = f"{because} while this ran: its outcome is unknown. Look before you repeat it."
    else:
        text = f"{because} before this ran. Nothing was done."
    return ToolResult(call.id, text, ResultStatus.CANCELLED, origin=OWN)
