"""Names and kinds of the contract. Light: it is imported before `initialize` is answered."""

from __future__ import annotations

from enum import StrEnum

REQUEST_ASK = "agent/ask"
REQUEST_APPROVAL = "agent/requestApproval"
NOTIFICATION_EVENT = "agent/event"


class CommandName(StrEnum):
    """The commands of `workspace/executeCommand`; each takes one object as its only argument."""

    ASK = "agent.ask"
    BRANCH = "agent.branch"
    CANCEL = "agent.cancel"
    CHANGES = "agent.changes"
    CONTINUE = "agent.continue"
    DECIDE = "agent.decide"
    ESTIMATE = "agent.estimate"
    REDO = "agent.redo"
    SESSION = "agent.session"
    SESSIONS = "agent.sessions"
    STATUS = "agent.status"
    TRUST = "agent.trust"
    UNDO = "agent.undo"


class EventKind(StrEnum):
    """The kinds of `agent/event`."""

    TURN_STARTED = "turnStarted"
    PROMPT_JOINED = "promptJoined"
    TEXT_DELTA = "textDelta"
    THINKING_DELTA = "thinkingDelta"
    TOOL_CALL_STARTED = "toolCallStarted"
    TOOL_CALL_OUTPUT = "toolCallOutput"
    TOOL_CALL_FINISHED = "toolCallFinished"
    APPROVAL_REQUESTED = "approvalRequested"
    APPROVAL_DECIDED = "approvalDecided"
    USAGE_UPDATED = "usageUpdated"
    RETRYING = "retrying"
    TURN_FINISHED = "turnFinished"


class EntryKind(StrEnum):
    """The kinds of a session's entries."""

    TURN_BEGAN = "turnBegan"
    MESSAGE = "message"
    PROMPT_TAKEN = "promptTaken"
    APPROVAL_DECIDED = "approvalDecided"
    CALL_BEGAN = "callBegan"
    FILES_CHANGED = "filesChanged"
    UNDONE = "undone"
    REDONE = "redone"
    TURN_ENDED = "turnEnded"


class Role(StrEnum):
    """Whose words a message holds; a notice is what the workspace tells."""

    USER = "user"
    NOTICE = "notice"
    ASSISTANT = "assistant"
    TOOL = "tool"


class PartType(StrEnum):
    """What a part of an assistant's message is."""

    TEXT = "text"
    THINKING = "thinking"
    TOOL_CALL = "toolCall"


class ChangeVerb(StrEnum):
    """What was done to a file."""

    CREATED = "created"
    EDITED = "edited"
    DELETED = "deleted"


class Surface(StrEnum):
    """What a client may show itself. The daemon then leaves its own stock surface for it out."""

    PROGRESS = "progress"
    APPROVAL = "approval"
    CHAT = "chat"
    TRUST = "trust"
