"""Events, questions and entries as JSON of the public contract; every door sends the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_never

from agent_lsp.conversation import entries, events
from agent_lsp.conversation.actions import ApprovalRequest, Command, FileChange, FileMove
from agent_lsp.conversation.entries import Entry
from agent_lsp.conversation.events import Seen
from agent_lsp.conversation.journal import SessionSummary
from agent_lsp.conversation.ledger import Estimate
from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from agent_lsp.permissions.approval import detail, title
from agent_lsp.permissions.policy import session_rule
from agent_lsp.session import Finished

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
            return {**ended, **_error(shown.error_kind, shown.error)}
        case _:
            assert_never(shown)


def finished(done: Finished) -> Json:
    """The answer to an ask that waited."""
    ending = done.ending
    head = {"turnId": done.turn_id, "sessionId": done.session_id, "text": ending.text}
    sums = {"stopReason": ending.stop_reason, "usage": usage(done.usage), **cost(done.cost)}
    return {**head, **sums, **_error(ending.error_kind, ending.error)}


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
    """The params of `agent/requestApproval`."""
    action = request.action
    head = {"approvalId": request.id, "sessionId": request.session_id, "turnId": request.turn_id}
    what = {"tool": action.tool, "kind": action.kind, "title": title(action), "detail": detail(action)}
    terms = {
        "reason": request.reason,
        "digest": action.digest,
        "expiresAt": moment(request.expires_at),
        "choices": list(request.choices),
        "sessionRule": session_rule(action),
    }
    return {**head, **what, **_effect(request), **terms}


def _effect(request: ApprovalRequest) -> Json:
    match request.action.effect:
        case FileChange() as change:
            hunks = [
                {"id": h.id, "oldStart": h.old_start, "old": h.old, "newStart": h.new_start, "new": h.new}
                for h in change.hunks
            ]
            return {"diff": [{"uri": Path(change.path).as_uri(), "hunks": hunks}]}
        case FileMove() as move:
            return {"uri": Path(move.path).as_uri(), "newUri": Path(move.new_path).as_uri()}
        case Command() as command:
            return {"command": command.line, "cwd": command.cwd}


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
                "title": content.title,
                **answer,
            }
        case entries.CallBegan():
            return {"kind": "callBegan", "callId": content.call_id}
        case entries.TurnEnded():
            ended = {"stopReason": content.stop_reason, "usage": usage(content.usage), **cost(content.cost)}
            return {"kind": "turnEnded", "turnId": content.turn_id, **ended, "error": content.error}
        case _:
            assert_never(content)


def _message(message: Message) -> Json:
    match message:
        case UserMessage():
            return {"role": "user", "text": message.text}
        case AssistantMessage():
            return {
                "role": "assistant",
                "text": message.text,
                "parts": [_part(part) for part in message.parts],
            }
        case ToolMessage():
            results = [{"callId": r.call_id, "text": r.text, "status": r.status} for r in message.results]
            return {"role": "tool", "results": results}
        case _:
            assert_never(message)


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
