"""Events, questions and entries as JSON of the public contract; every door sends the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

from agent_lsp.conversation import entries, events
from agent_lsp.conversation.actions import (
    ApprovalRequest,
    Command,
    Effect,
    Fetch,
    FileChange,
    FileMove,
    Hunk,
    ServerUse,
    WebSearch,
)
from agent_lsp.conversation.entries import Entry
from agent_lsp.conversation.events import Seen
from agent_lsp.conversation.journal import SessionSummary
from agent_lsp.conversation.ledger import Estimate
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
    Usage,
    UserMessage,
)
from agent_lsp.conversation.tree import Conversation
from agent_lsp.conversation.uris import uri_of
from agent_lsp.permissions.approval import detail, title
from agent_lsp.permissions.policy import always_rule, session_rule
from agent_lsp.session import Finished
from agent_lsp.session.history import Restored, redoable, undoable
from agent_lsp.workspace.way_back import FileHunks

Json = dict[str, Any]  # Any: a JSON tree


def event(seen: Seen) -> Json:
    """An event: `{sessionId, turnId, seq, kind, …}`."""
    name = type(seen.event).__name__
    head = {"sessionId": seen.session_id, "turnId": seen.turn_id, "seq": seen.seq}
    return {**head, "kind": name[0].lower() + name[1:], **_fields(seen.event)}


def _fields(shown: events.Event) -> Json:  # noqa: C901 - one case for each kind of event
    match shown:
        case events.TurnStarted():
            note = {"note": shown.note} if shown.note else {}
            return {"prompt": shown.prompt, "model": shown.model, **note}
        case events.PromptJoined():
            return {"prompt": shown.prompt}
        case events.TextDelta() | events.ThinkingDelta():
            return {"text": shown.text, "offset": shown.offset}
        case events.ToolCallStarted():
            return {"callId": shown.call_id, "tool": shown.tool, "toolKind": shown.kind, "title": shown.title}
        case events.ToolCallOutput():
            return {"callId": shown.call_id, "text": shown.text}
        case events.ToolCallFinished():
            return {
                "callId": shown.call_id,
                "tool": shown.tool,
                "title": shown.title,
                "status": shown.status,
                "result": shown.text,
            }
        case events.ApprovalRequested():
            request = shown.request
            return {"approvalId": request.id, "callId": request.call_id, "title": title(request.action)}
        case events.ApprovalDecided():
            answer = {"decision": shown.decision.choice, "answered": shown.decision.answered}
            return {"approvalId": shown.approval_id, "callId": shown.call_id, **answer}
        case events.UsageUpdated():
            return {"usage": usage(shown.usage), **cost(shown.cost)}
        case events.Retrying():
            times = {"attempt": shown.attempt, "attempts": shown.attempts, "seconds": shown.seconds}
            return {"reason": shown.reason, **times}
        case events.TurnFinished():
            ended = {"stopReason": shown.stop_reason, "usage": usage(shown.usage), **cost(shown.cost)}
            return {**ended, **_scored(shown.estimate, shown.cost), **_error(shown.error_kind, shown.error)}
        case _:
            assert_never(shown)


def finished(done: Finished) -> Json:
    """The answer to an ask that waited."""
    ending = done.ending
    head = {"turnId": done.turn_id, "sessionId": done.session_id, "text": ending.text}
    sums = {"stopReason": ending.stop_reason, "usage": usage(done.usage), **cost(done.cost)}
    return {**head, **sums, **_scored(done.estimate, done.cost), **_error(ending.error_kind, ending.error)}


def _scored(guess: Estimate | None, usd: float | None) -> Json:
    """What was thought that a turn would cost, in USD, and whether it did."""
    if guess is None or (held := guess.held(usd)) is None:
        return {}
    return {"estimate": {"low": guess.low, "likely": guess.likely, "high": guess.high, "held": held}}


def _error(kind: str, message: str) -> Json:
    return {"error": {"kind": kind, "message": message}} if message else {}


def usage(used: Usage) -> Json:
    """Counts of tokens, calls and steps."""
    return {
        "inputTokens": used.input_tokens,
        "cacheReadTokens": used.cache_read_tokens,
        "cacheWriteTokens": used.cache_write_tokens,
        "outputTokens": used.output_tokens,
        "reasoningTokens": used.reasoning_tokens,
        "toolCalls": used.tool_calls,
        "steps": used.steps,
    }


def cost(usd: float | None) -> Json:
    """`cost` in USD, or null with `costUnknown`."""
    return {"cost": None, "costUnknown": True} if usd is None else {"cost": usd}


def question(request: ApprovalRequest) -> Json:
    """The params of `agent/requestApproval`. Blocks: call it in a thread.

    A long action has its `length` in characters and no `diff`, for it is not shown in full: `detail` has both ends.
    """
    action = request.action
    shown = detail(action)
    head = {"approvalId": request.id, "sessionId": request.session_id, "turnId": request.turn_id}
    what = {"tool": action.tool, "kind": action.kind, "title": title(action), "detail": shown.text}
    more = {"taint": request.taint, "length": 0 if shown.whole else shown.characters}
    terms = {
        "reason": request.reason,
        "digest": action.digest,
        "expiresAt": moment(request.expires_at),
        "choices": list(request.choices),
        "sessionRule": session_rule(action),
        "alwaysRule": always_rule(action),
    }
    told = {name: value for name, value in more.items() if value}
    return {**head, **what, **_effect(action.effect, whole=shown.whole), **terms, **told}


def _effect(effect: Effect, *, whole: bool) -> Json:
    match effect:
        case FileChange(path=path) if not whole:
            return {"uri": uri_of(path)}
        case FileChange() as change:
            return {"diff": [{"uri": uri_of(change.path), "hunks": [_hunk(hunk) for hunk in change.hunks]}]}
        case FileMove() as move:
            return {"uri": uri_of(move.path), "newUri": uri_of(move.new_path)}
        case Command() as command:
            return {"command": command.line, "cwd": command.cwd}
        case ServerUse() as use:
            return {"url": use.base_url}
        case Fetch() as fetch:
            return {"url": fetch.url}
        case WebSearch() as search:
            return {"query": search.query, "via": search.via}


def estimate(guess: Estimate) -> Json:
    """The answer of `agent.estimate`."""
    usd = {"low": guess.low, "likely": guess.likely, "high": guess.high}
    unknown = {"costUnknown": True} if guess.likely is None else {}
    return {"inputTokens": guess.input_tokens, "cost": usd, "basis": guess.basis, **unknown}


def pending(request: ApprovalRequest) -> Json:
    """One of `agent.status`'s open questions."""
    return {"approvalId": request.id, "turnId": request.turn_id, "title": title(request.action)}


def summary(session: SessionSummary) -> Json:
    """One of `agent.sessions`."""
    when = moment(session.updated_at)
    return {
        "sessionId": session.id,
        "title": session.title,
        "updatedAt": when,
        "cost": session.cost,
        "head": session.head,
    }


def entry(written: Entry) -> Json:
    """One of `agent.session`'s entries."""
    return {"seq": written.seq, "at": moment(written.at), **_content(written.content)}


def _content(content: entries.Content) -> Json:
    match content:
        case entries.TurnBegan():
            return {"kind": "turnBegan", "turnId": content.turn_id}
        case entries.Said():
            return {"kind": "message", **_message(content.message)}
        case entries.PromptTaken():
            return {"kind": "promptTaken", "text": content.message.text}
        case entries.Decided():
            answer = {"decision": content.choice, "feedback": content.feedback, "answered": content.answered}
            return {
                "kind": "approvalDecided",
                "approvalId": content.approval_id,
                "callId": content.call_id,
                "title": content.title,
                **answer,
            }
        case entries.CallBegan():
            return {"kind": "callBegan", "callId": content.call_id}
        case entries.FilesChanged():
            whose = {"callId": content.call_id, "turnId": content.turn_id}
            return {"kind": "filesChanged", **whose, **_changes(content.changes)}
        case entries.Undone() | entries.Redone():
            kind = "undone" if isinstance(content, entries.Undone) else "redone"
            return {
                "kind": kind,
                "id": content.id,
                "of": content.of,
                "turnId": content.turn_id,
                **_changes(content.changes),
            }
        case entries.TurnEnded():
            ended = {"stopReason": content.stop_reason, "usage": usage(content.usage), **cost(content.cost)}
            return {"kind": "turnEnded", "turnId": content.turn_id, **ended, "error": content.error}
        case _:
            assert_never(content)


def at_hand(session_id: str, conversation: Conversation) -> Json:
    """The entries that the next undo and redo of a session would be about; empty where there are none."""
    undo, redo = undoable(conversation), redoable(conversation)
    entries = {name: seq for name, seq in (("undo", undo), ("redo", redo)) if seq is not None}
    return {"sessionId": session_id, **entries} if entries else {}


def restored(outcome: Restored) -> Json:
    """The answer of `agent.undo` and `agent.redo`."""
    kept = [{"uri": one.uri, "why": one.why} for one in outcome.kept]
    return {"restored": list(outcome.restored), "kept": kept}


def hunks(files: Sequence[FileHunks]) -> list[Json]:
    """The diff of `agent.changes`, in the form of a question's."""
    return [{"uri": file.uri, "hunks": [_hunk(hunk) for hunk in file.hunks]} for file in files]


def _hunk(h: Hunk) -> Json:
    return {"id": h.id, "oldStart": h.old_start, "old": h.old, "newStart": h.new_start, "new": h.new}


def _changes(changes: tuple[entries.FileChanged, ...]) -> Json:
    return {"changes": [{"uri": one.uri, "change": _verb(one), "sure": one.sure} for one in changes]}


def _verb(change: entries.FileChanged) -> str:
    if change.before is None:
        return "created"
    return "deleted" if change.after is None else "edited"


def _message(message: Message) -> Json:
    match message:
        case UserMessage():
            return {"role": "user", "text": message.text}
        case Notice():
            return {"role": "notice", "text": message.text}
        case AssistantMessage():
            return {
                "role": "assistant",
                "text": message.text,
                "parts": [_part(part) for part in message.parts],
            }
        case ToolMessage():
            return {"role": "tool", "results": [_result(result) for result in message.results]}
        case _:
            assert_never(message)


def _result(result: ToolResult) -> Json:
    images = {"images": [_image(image) for image in result.images]} if result.images else {}
    return {"callId": result.call_id, "text": result.shown, "status": result.status, **images}


def _image(image: Image) -> Json:
    """What it is; the bytes stay here, an entry is shown, not edited."""
    size = {"width": image.width, "height": image.height}
    return {"mediaType": image.media_type, **size, "bytes": image.size}


def _part(part: Text | Thinking | ToolCall) -> Json:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Thinking():
            return {"type": "thinking", "text": part.text}
        case ToolCall():
            return {"type": "toolCall", "callId": part.id, "tool": part.tool, "arguments": part.arguments}
        case _:
            assert_never(part)


def moment(seconds: float) -> str:
    """A time since the epoch in RFC 3339, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
