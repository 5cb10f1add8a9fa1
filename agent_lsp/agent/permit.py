"""Whether a call may do what it prepared: judged, asked about, and held once more right before it is done."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from agent_lsp.agent import Turn
from agent_lsp.conversation.actions import Action, ApprovalRequest, Choice, Decision, FileChange
from agent_lsp.conversation.entries import Decided
from agent_lsp.conversation.events import ApprovalDecided, ApprovalRequested
from agent_lsp.conversation.messages import ToolCall
from agent_lsp.permissions import Ruling, Verdict
from agent_lsp.permissions.approval import NotPermitted, Permit, narrowed, visible
from agent_lsp.permissions.policy import choices
from agent_lsp.permissions.rules import Reading
from agent_lsp.tools import Arguments, ToolError
from agent_lsp.workspace.location import PathRefused


class Rejected(Exception):
    """The call is not to be performed; the message tells the model why. `stop` ends the turn too."""

    def __init__(self, message: str, *, stop: bool = False) -> None:
        super().__init__(message)
        self.stop = stop


@dataclass(frozen=True, slots=True)
class Permitted:
    """An action that may be done, once, with what the model should know of how that came."""

    action: Action
    permit: Permit
    note: str = ""
    stop: bool = False
    tainted: str = ""


def must_be_readable(tool: str, arguments: Arguments, turn: Turn) -> None:
    """Holds a call that only reads, and the path that it names, against the user's rules."""
    if not turn.policy.rules_reading:
        return  # to find where a path leads takes a look at all that is in the folders above
    named = getattr(arguments, "path", None)
    reading = Reading(tool)
    if isinstance(named, str):
        with suppress(PathRefused):  # the tool says it better
            path = turn.tools.files.roots.find(named).path
            reading = Reading(tool, path, turn.targets.find(path))
    if reason := turn.policy.refusal(reading):
        raise Rejected(f"Not done: {reason}.")


async def permit(call: ToolCall, action: Action, turn: Turn) -> Permitted:
    """Judges an action, and asks the user where that is to be. Raises Rejected, ToolError."""
    tainted = turn.tainted()
    try:
        verdict = await asyncio.to_thread(turn.policy.decide, action, turn.preset, tainted=tainted)
    except OSError as error:
        raise ToolError(f"not done: what is allowed in this workspace cannot be read: {error}") from error
    match verdict.ruling:
        case Ruling.ALLOW:
            return Permitted(action, await asyncio.to_thread(Permit, action), tainted=tainted)
        case Ruling.DENY:
            raise Rejected(f"Not done: {verdict.reason}.")
        case Ruling.ASK:
            workspace = turn.policy.roots
            decision = await _asked(call, action, verdict, tainted, turn)
            if decision.allowed and turn.policy.roots != workspace:  # no standing yes for folders that were not open
                decision = replace(decision, choice=Choice.ALLOW_ONCE)
            return replace(await _settled(action, decision, turn), tainted=tainted)


async def _asked(call: ToolCall, action: Action, verdict: Verdict, tainted: str, turn: Turn) -> Decision:
    digest = await asyncio.to_thread(lambda: action.digest)
    request = ApprovalRequest(
        id=turn.new_id("approval"),
        session_id=turn.session_id,
        turn_id=turn.id,
        call_id=call.id,
        action=action,
        reason=verdict.reason,
        expires_at=turn.now() + turn.approval_seconds,
        choices=choices(action, verdict),
        taint=visible(tainted),
    )
    turn.emit(ApprovalRequested(request))
    decision = Decision(Choice.REJECT, answered=False)
    try:
        with turn.budget.deadline.paused():
            decision = await turn.approve(request)
    finally:
        turn.emit(ApprovalDecided(request.id, call.id, decision))
    await turn.record.append(
        Decided(request.id, call.id, action.title, digest, decision.choice, decision.feedback, decision.answered)
    )
    return decision


async def _settled(action: Action, decision: Decision, turn: Turn) -> Permitted:
    said = f" They said: {decision.feedback}" if decision.feedback else ""
    if not decision.answered:
        why = decision.feedback or "nobody answered the question in time"
        raise Rejected(f"Not done: {why}. Say in your answer what is left to do.")
    if not decision.allowed or decision.hunks == ():
        raise Rejected(f"Not done: the user rejected it.{said}", stop=decision.stop)
    allowed, note = narrowed(action, decision), ""
    try:
        await asyncio.to_thread(turn.policy.remember, action, decision.choice)
    except OSError as error:
        note = f" That it is allowed for good could not be kept: {error}."
    if isinstance(action.effect, FileChange) and isinstance(allowed.effect, FileChange) and allowed != action:
        made, all_of_them = len(allowed.effect.hunks), len(action.effect.hunks)
        note += f" The user allowed {made} of {all_of_them} hunks; the others were not made."
    return Permitted(allowed, await asyncio.to_thread(Permit, allowed), note + said, decision.stop)


def use(permitted: Permitted, turn: Turn) -> None:
    """Holds what is about to be done, where its paths lead by now, against what was allowed."""
    try:
        permitted.permit.use(turn.targets.located(permitted.action))
    except NotPermitted as error:
        raise ToolError(f"not done: {error}") from error
