"""One tool call, in one order for every tool alike: validate → prepare → permit → perform → fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import ValidationError

from agent_lsp.agent import Turn
from agent_lsp.agent.context import result_limit
from agent_lsp.conversation.actions import (
    Action,
    ApprovalRequest,
    Choice,
    Decision,
    FileChange,
    ToolKind,
)
from agent_lsp.conversation.entries import CallBegan, Decided
from agent_lsp.conversation.events import (
    ApprovalDecided,
    ApprovalRequested,
    ToolCallFinished,
    ToolCallOutput,
    ToolCallStarted,
)
from agent_lsp.conversation.messages import ResultStatus, ToolCall, ToolResult
from agent_lsp.permissions import Ruling
from agent_lsp.permissions.approval import narrowed
from agent_lsp.tools import Arguments, ChangingTool, ReadingTool, Tool, ToolContext, ToolError
from agent_lsp.tools.output import fit


class Rejected(Exception):
    """The call is not to be performed; the message tells the model why. `stop` ends the turn too."""

    def __init__(self, message: str, *, stop: bool = False) -> None:
        super().__init__(message)
        self.stop = stop


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model is told, and whether the user wants the turn to end here."""

    result: ToolResult
    stop: bool = False


@dataclass(frozen=True, slots=True)
class _Permitted:
    action: Action
    note: str = ""
    stop: bool = False


async def perform_call(call: ToolCall, turn: Turn) -> Outcome:
    """Performs a call and says how it went. Only a cancellation and a bug are raised."""
    outcome = Outcome(cancelled(call))
    title = ""
    try:
        tool = turn.toolbox.find(call.tool)
        arguments = _validated(call, tool)
        title = tool.title(arguments)
        turn.emit(ToolCallStarted(call.id, call.tool, tool.kind, title))
        text, stop = await _performed(call, tool, arguments, turn)
        outcome = Outcome(_result(call, text, ResultStatus.DONE, turn, tool.rest), stop)
    except ToolError as error:
        outcome = Outcome(_result(call, str(error), ResultStatus.FAILED, turn))
    except Rejected as rejected:
        outcome = Outcome(_result(call, str(rejected), ResultStatus.REJECTED, turn), rejected.stop)
    finally:
        if not title:
            title = call.tool
            turn.emit(ToolCallStarted(call.id, call.tool, _kind(call, turn), title))
        result = outcome.result
        turn.emit(ToolCallFinished(call.id, call.tool, title, result.status, result.text.partition("\n")[0][:200]))
    return outcome


def cancelled(call: ToolCall) -> ToolResult:
    """What a call is told that was not performed, or not to its end."""
    return ToolResult(
        call.id,
        "Cancelled before its end. If it changes anything, look before you repeat it.",
        ResultStatus.CANCELLED,
    )


def runs_beside_others(call: ToolCall, turn: Turn) -> bool:
    """Whether the call may run at the same time as its neighbours."""
    try:
        tool = turn.toolbox.find(call.tool)
    except ToolError:
        return True
    return isinstance(tool, ReadingTool) and tool.kind.side_by_side


def _validated(call: ToolCall, tool: Tool) -> Arguments:
    try:
        return tool.arguments.model_validate_json(call.arguments or "{}")  # type: ignore[no-any-return]  # a box of Any
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()[:5])
        names = ", ".join(tool.arguments.model_fields)
        raise ToolError(f"the arguments of {tool.name} are wrong ({wrong}); it takes: {names}") from error


async def _performed(call: ToolCall, tool: Tool, arguments: Arguments, turn: Turn) -> tuple[str, bool]:
    """What the tool says, and whether the user wants the turn to end after it."""
    context = replace(turn.tools, output=lambda text: turn.emit(ToolCallOutput(call.id, text)))
    match tool:
        case ReadingTool():
            return await tool.perform(arguments, context), False
        case ChangingTool():
            return await _changed(call, tool, arguments, turn, context)


async def _changed(
    call: ToolCall, tool: ChangingTool[Arguments], arguments: Arguments, turn: Turn, context: ToolContext
) -> tuple[str, bool]:
    permitted = await _permit(call, await tool.prepare(arguments, context), turn)
    await turn.record.append(CallBegan(call.id, permitted.action.digest))
    return await tool.perform(permitted.action, context) + permitted.note, permitted.stop


async def _permit(call: ToolCall, action: Action, turn: Turn) -> _Permitted:
    verdict = turn.policy.decide(action, turn.preset)
    match verdict.ruling:
        case Ruling.ALLOW:
            return _Permitted(action)
        case Ruling.DENY:
            raise Rejected(f"Not done: {verdict.reason}.")
        case Ruling.ASK:
            return _settled(action, await _asked(call, action, verdict.reason, turn), turn)


async def _asked(call: ToolCall, action: Action, reason: str, turn: Turn) -> Decision:
    request = ApprovalRequest(
        id=turn.new_id("approval"),
        session_id=turn.session_id,
        turn_id=turn.id,
        call_id=call.id,
        action=action,
        reason=reason,
        expires_at=turn.now() + turn.approval_seconds,
    )
    turn.emit(ApprovalRequested(request))
    decision = Decision(Choice.REJECT, answered=False)
    try:
        with turn.budget.deadline.paused():
            decision = await turn.approve(request)
    finally:
        turn.emit(ApprovalDecided(request.id, call.id, decision))
    title, digest = action.title, action.digest
    await turn.record.append(
        Decided(request.id, call.id, title, digest, decision.choice, decision.feedback, decision.answered)
    )
    return decision


def _settled(action: Action, decision: Decision, turn: Turn) -> _Permitted:
    said = f" They said: {decision.feedback}" if decision.feedback else ""
    if not decision.answered:
        why = decision.feedback or "nobody answered the question in time"
        raise Rejected(f"Not done: {why}. Say in your answer what is left to do.")
    if not decision.allowed or decision.hunks == ():
        raise Rejected(f"Not done: the user rejected it.{said}", stop=decision.stop)
    if decision.choice is Choice.ALLOW_SESSION:
        turn.policy.remember(action)
    allowed = narrowed(action, decision)
    note = ""
    if isinstance(action.effect, FileChange) and isinstance(allowed.effect, FileChange) and allowed != action:
        made, all_of_them = len(allowed.effect.hunks), len(action.effect.hunks)
        note = f" The user allowed {made} of {all_of_them} hunks; the others were not made."
    return _Permitted(allowed, note + said, decision.stop)


def _result(call: ToolCall, text: str, status: ResultStatus, turn: Turn, rest: str = "") -> ToolResult:
    most = result_limit(turn.model.context_window, turn.most_characters)
    return ToolResult(call.id, fit(text, most, rest), status)


def _kind(call: ToolCall, turn: Turn) -> ToolKind:
    try:
        return turn.toolbox.find(call.tool).kind
    except ToolError:
        return ToolKind.OTHER
