"""Entries: what lasts of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from agent_lsp.contract.codec import INLINED
from agent_lsp.contract.names import ChangeVerb, EntryKind, PartType, Role
from agent_lsp.contract.usage import TurnCost, TurnUsage
from agent_lsp.conversation.actions import Choice
from agent_lsp.conversation.messages import ResultStatus, StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Words of an answer."""

    type: Literal[PartType.TEXT] = PartType.TEXT
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingPart:
    """What the model thought aloud."""

    type: Literal[PartType.THINKING] = PartType.THINKING
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallPart:
    """A tool call of the model."""

    type: Literal[PartType.TOOL_CALL] = PartType.TOOL_CALL
    call_id: str
    tool: str
    arguments: Annotated[str, "JSON, as the model wrote it."]


MessagePart = TextPart | ThinkingPart | ToolCallPart


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultImage:
    """What an image is; its bytes are not sent."""

    media_type: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What the model was told about one of its calls."""

    call_id: str
    text: str
    status: ResultStatus
    images: tuple[ResultImage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """A file that was changed."""

    uri: str
    change: ChangeVerb
    sure: Annotated[bool, "False where somebody else may have made the change."]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBeganEntry:
    """A turn began; the user's message follows."""

    kind: Literal[EntryKind.TURN_BEGAN] = EntryKind.TURN_BEGAN
    turn_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMessageEntry:
    """A prompt."""

    kind: Literal[EntryKind.MESSAGE] = EntryKind.MESSAGE
    role: Literal[Role.USER] = Role.USER
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeEntry:
    """What the workspace tells the model before a step; nobody said it."""

    kind: Literal[EntryKind.MESSAGE] = EntryKind.MESSAGE
    role: Literal[Role.NOTICE] = Role.NOTICE
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistantMessageEntry:
    """An answer of the model."""

    kind: Literal[EntryKind.MESSAGE] = EntryKind.MESSAGE
    role: Literal[Role.ASSISTANT] = Role.ASSISTANT
    text: str
    parts: tuple[MessagePart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResultsEntry:
    """The results of one answer's calls, in their order."""

    kind: Literal[EntryKind.MESSAGE] = EntryKind.MESSAGE
    role: Literal[Role.TOOL] = Role.TOOL
    results: tuple[CallResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTakenEntry:
    """Words for the running turn; they join it as a message before its next step."""

    kind: Literal[EntryKind.PROMPT_TAKEN] = EntryKind.PROMPT_TAKEN
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecidedEntry:
    """The user, or nobody in time, answered a question."""

    kind: Literal[EntryKind.APPROVAL_DECIDED] = EntryKind.APPROVAL_DECIDED
    approval_id: str
    call_id: str
    title: str
    decision: Choice
    feedback: str
    answered: Annotated[bool, "False where nobody answered."]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBeganEntry:
    """A call with a side effect is about to run; without a result after it, its outcome is unknown."""

    kind: Literal[EntryKind.CALL_BEGAN] = EntryKind.CALL_BEGAN
    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesChangedEntry:
    """What a call changes. Of several for one call the last one counts."""

    kind: Literal[EntryKind.FILES_CHANGED] = EntryKind.FILES_CHANGED
    call_id: str
    turn_id: str
    changes: tuple[ChangedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneEntry:
    """Changes were undone. Of several with one `id` the last one counts."""

    kind: Literal[EntryKind.UNDONE] = EntryKind.UNDONE
    id: str
    of: Annotated[int, "The `seq` of the entry whose changes they were."]
    turn_id: Annotated[str, "Empty where they were those of several turns."]
    changes: tuple[ChangedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedoneEntry:
    """Changes that were undone were made again. Of several with one `id` the last one counts."""

    kind: Literal[EntryKind.REDONE] = EntryKind.REDONE
    id: str
    of: Annotated[int, "The `seq` of the `undone` entry."]
    turn_id: Annotated[str, "Empty where they were those of several turns."]
    changes: tuple[ChangedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEndedEntry:
    """A turn ended."""

    kind: Literal[EntryKind.TURN_ENDED] = EntryKind.TURN_ENDED
    turn_id: str
    stop_reason: StopReason
    usage: TurnUsage
    cost: Annotated[TurnCost, INLINED]
    error: Annotated[str, "Why it failed or was cut; empty if it did not."]


EntryBody = (
    TurnBeganEntry
    | UserMessageEntry
    | NoticeEntry
    | AssistantMessageEntry
    | ToolResultsEntry
    | PromptTakenEntry
    | ApprovalDecidedEntry
    | CallBeganEntry
    | FilesChangedEntry
    | UndoneEntry
    | RedoneEntry
    | TurnEndedEntry
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEntry:
    """One entry of a session."""

    seq: Annotated[int, "Rises from entry to entry; names the entry as `entryId`."]
    at: Annotated[str, "When it was written; RFC 3339, UTC."]
    body: Annotated[EntryBody, INLINED]
