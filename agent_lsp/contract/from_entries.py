"""Entries of a conversation as values of the contract."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

from agent_lsp.contract.entries import (
    ApprovalDecidedEntry,
    AssistantMessageEntry,
    CallBeganEntry,
    CallResult,
    ChangedFile,
    EntryBody,
    FilesChangedEntry,
    MessagePart,
    NoticeEntry,
    PromptTakenEntry,
    RedoneEntry,
    ResultImage,
    SessionEntry,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultsEntry,
    TurnBeganEntry,
    TurnEndedEntry,
    UndoneEntry,
    UserMessageEntry,
)
from agent_lsp.contract.from_events import turn_cost, turn_usage
from agent_lsp.contract.names import ChangeVerb
from agent_lsp.conversation import entries
from agent_lsp.conversation.entries import Entry
from agent_lsp.conversation.messages import (
    AssistantMessage,
    Image,
    Message,
    Notice,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)


def session_entry(written: Entry) -> SessionEntry:
    """One of `agent.session`'s entries."""
    return SessionEntry(seq=written.seq, at=moment(written.at), body=_body(written.content))


def moment(seconds: float) -> str:
    """A time since the epoch in RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _body(content: entries.Content) -> EntryBody:
    match content:
        case entries.TurnBegan():
            return TurnBeganEntry(turn_id=content.turn_id)
        case entries.Said():
            return _message(content.message)
        case entries.PromptTaken():
            return PromptTakenEntry(text=content.message.text)
        case entries.Decided():
            return _decided(content)
        case entries.CallBegan():
            return CallBeganEntry(call_id=content.call_id)
        case entries.FilesChanged():
            changes = _changes(content.changes)
            return FilesChangedEntry(call_id=content.call_id, turn_id=content.turn_id, changes=changes)
        case entries.Undone():
            changes = _changes(content.changes)
            return UndoneEntry(id=content.id, of=content.of, turn_id=content.turn_id, changes=changes)
        case entries.Redone():
            changes = _changes(content.changes)
            return RedoneEntry(id=content.id, of=content.of, turn_id=content.turn_id, changes=changes)
        case entries.TurnEnded():
            return _ended(content)
        case _:
            assert_never(content)


def _message(message: Message) -> EntryBody:
    match message:
        case UserMessage():
            return UserMessageEntry(text=message.text)
        case Notice():
            return NoticeEntry(text=message.text)
        case AssistantMessage():
            return AssistantMessageEntry(text=message.text, parts=tuple(map(_part, message.parts)))
        case ToolMessage():
            return ToolResultsEntry(results=tuple(map(_result, message.results)))
        case _:
            assert_never(message)


def _part(part: Text | Thinking | ToolCall) -> MessagePart:
    match part:
        case Text():
            return TextPart(text=part.text)
        case Thinking():
            return ThinkingPart(text=part.text)
        case ToolCall():
            return ToolCallPart(call_id=part.id, tool=part.tool, arguments=part.arguments)
        case _:
            assert_never(part)


def _result(result: ToolResult) -> CallResult:
    images = tuple(map(_image, result.images))
    return CallResult(call_id=result.call_id, text=result.shown, status=result.status, images=images)


def _image(image: Image) -> ResultImage:
    return ResultImage(media_type=image.media_type, width=image.width, height=image.height, bytes=image.size)


def _decided(content: entries.Decided) -> ApprovalDecidedEntry:
    return ApprovalDecidedEntry(
        approval_id=content.approval_id,
        call_id=content.call_id,
        title=content.title,
        decision=content.choice,
        feedback=content.feedback,
        answered=content.answered,
    )


def _ended(content: entries.TurnEnded) -> TurnEndedEntry:
    return TurnEndedEntry(
        turn_id=content.turn_id,
        stop_reason=content.stop_reason,
        usage=turn_usage(content.usage),
        cost=turn_cost(content.cost),
        error=content.error,
    )


def _changes(changes: tuple[entries.FileChanged, ...]) -> tuple[ChangedFile, ...]:
    return tuple(ChangedFile(uri=one.uri, change=_verb(one), sure=one.sure) for one in changes)


def _verb(change: entries.FileChanged) -> ChangeVerb:
    if change.before is None:
        return ChangeVerb.CREATED
    return ChangeVerb.DELETED if change.after is None else ChangeVerb.EDITED
