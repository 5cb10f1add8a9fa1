"""One tool call, in one order for every tool alike: validate → prepare → permit → checkpoint → perform → fit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from pydantic import ValidationError

from agent_lsp.agent import Turn, origins
from agent_lsp.agent.context import result_limit
from agent_lsp.agent.permit import Rejected, must_be_readable, permit, use
from agent_lsp.conversation.actions import (
    Action,
    FileChange,
    ToolKind,
)
from agent_lsp.conversation.entries import CallBegan
from agent_lsp.conversation.events import (
    ToolCallFinished,
    ToolCallOutput,
    ToolCallStarted,
)
from agent_lsp.conversation.messages import OWN, Origin, ResultStatus, ToolCall, ToolResult
from agent_lsp.permissions.secrets import hidden_parts
from agent_lsp.tools import Arguments, ChangingTool, Done, NothingRead, ReadingTool, Shown, Tool, ToolContext, ToolError
from agent_lsp.tools.output import fit
from agent_lsp.workspace.checkpoints import NOTHING
from agent_lsp.workspace.location import PathRefused
from agent_lsp.workspace.objects import NotKept

_AT_ONCE = 64 << 10  # characters whose cleaning the event loop does not notice
_MOST_TOLD = 300  # characters: the line in which a client says how a call ended


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model is told, and whether the user wants the turn to end here."""

    result: ToolResult
    stop: bool = False


@dataclass(slots=True)
class _Told:
    """Whose words the result may hold by now, and what the daemon and the user say to it."""

    origin: Origin = OWN
    remark: str = ""


async def perform_call(call: ToolCall, turn: Turn) -> Outcome:
    """Performs a call and says how it went. Only a cancellation and a bug are raised."""
    outcome, told = None, _Told()
    title = ""
    try:
        tool = turn.toolbox.find(call.tool)
        arguments = _validated(call, tool)
        title = tool.title(arguments)
        turn.emit(ToolCallStarted(call.id, call.tool, tool.kind, title))
        told.origin = await origins.of_call(tool, arguments, turn)
        shown, stop = await _performed(call, tool, arguments, turn, told)
        outcome = Outcome(await _result(call, shown, told, ResultStatus.DONE, turn, tool.rest), stop)
    except NothingRead as error:
        unread = _Told(remark=told.remark)
        outcome = Outcome(await _result(call, Shown(str(error)), unread, ResultStatus.FAILED, turn))
    except ToolError as error:
        outcome = Outcome(await _result(call, Shown(str(error)), told, ResultStatus.FAILED, turn))
    except Rejected as rejected:
        outcome = Outcome(
            await _result(call, Shown(str(rejected)), _Told(), ResultStatus.REJECTED, turn), rejected.stop
        )
    finally:
        if not title:
            title = call.tool
            turn.emit(ToolCallStarted(call.id, call.tool, _kind(call, turn), title))
        result = outcome.result if outcome else cancelled(call, turn)
        turn.emit(ToolCallFinished(call.id, call.tool, title, result.status, _first_line(result.text)))
    return outcome


def cancelled(call: ToolCall, turn: Turn) -> ToolResult:
    """What a call is told that was not performed, or not to its end."""
    begun = "Cancelled before its end. If it changes anything, look before you repeat it."
    text = begun if call.id in turn.begun else "Cancelled: it was not done."
    return ToolResult(call.id, text, ResultStatus.CANCELLED, origin=OWN)


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


def _first_line(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= _MOST_TOLD else f"{line[: _MOST_TOLD - 1]}…"


async def _performed(call: ToolCall, tool: Tool, arguments: Arguments, turn: Turn, told: _Told) -> tuple[Shown, bool]:
    """What the tool shows, and whether the user wants the turn to end after it."""
    stream = turn.secrets.stream()
    context = replace(turn.tools, output=lambda text: _show(call, stream.feed(text), turn))
    match tool:
        case ReadingTool():
            await asyncio.to_thread(must_be_readable, tool.name, arguments, turn)
            found = await tool.perform(arguments, context)
            shown = Shown(found) if isinstance(found, str) else found
            told.origin = await origins.of_shown(shown, told.origin, turn)
            return shown, False
        case ChangingTool():
            try:
                return await _changed(call, tool, arguments, turn, context, told)
            except ToolError:  # it may show what another session has written since
                told.origin = origins.wider(told.origin, await origins.of_call(tool, arguments, turn))
                raise
            finally:
                _show(call, stream.rest(), turn)


def _show(call: ToolCall, output: str, turn: Turn) -> None:
    if output:
        turn.emit(ToolCallOutput(call.id, output))


async def _changed(
    call: ToolCall,
    tool: ChangingTool[Arguments],
    arguments: Arguments,
    turn: Turn,
    context: ToolContext,
    told: _Told,
) -> tuple[Shown, bool]:
    prepared = await tool.prepare(arguments, context)
    if isinstance(prepared.effect, FileChange) and hidden_parts(prepared.effect.before, prepared.effect.after):
        raise ToolError(
            "not done: the new text has '[redacted: …]' where the file holds a secret that was hidden from you, which"
            " would be lost. Change the other lines only, with edit_file."
        )
    permitted = await permit(call, await asyncio.to_thread(turn.targets.located, prepared), turn)

    async def perform() -> str | Done:
        await asyncio.to_thread(use, permitted, turn)
        done = await tool.perform(permitted.action, context)
        text = done if isinstance(done, str) else done.text
        told.origin = await origins.of_done(permitted.action, text, told.origin, turn)
        return done

    def taint() -> str:
        """What untrusted text it may carry into files, as far as is known by now."""
        return permitted.tainted or ("" if told.origin.provenance.trusted else told.origin.source)

    told.origin = await origins.of_action(permitted.action, told.origin, turn)
    told.remark = permitted.note.strip()
    return Shown(await _on_record(call, permitted.action, taint, turn, perform)), permitted.stop


async def _on_record(
    call: ToolCall, action: Action, taint: Callable[[], str], turn: Turn, perform: Callable[[], Awaitable[str | Done]]
) -> str:
    """Performs an action: what it will change is on record before, and afterwards if something else became of it."""
    try:
        taken = await turn.checkpoints.take(action)
    except (NotKept, PathRefused) as error:
        raise ToolError(f"not done: {error}") from error
    expected = () if taken == NOTHING else (taken.entry(call.id, turn.id, taint()),)
    await turn.record.append(CallBegan(call.id, action.digest), *expected)
    turn.begun.add(call.id)
    became = taken
    try:
        done = await perform()
        if isinstance(done, str):
            became = await turn.checkpoints.performed(taken)
            return done
        became = await turn.checkpoints.performed(taken, done.made if done.made != action.effect else None)
        return done.text  # noqa: TRY300 - in else it would come after what finally writes
    except BaseException:
        became = await turn.checkpoints.failed(taken)
        raise
    finally:
        if became != taken:
            await turn.record.append(became.entry(call.id, turn.id, taint()))


async def _result(
    call: ToolCall, shown: Shown, told: _Told, status: ResultStatus, turn: Turn, rest: str = ""
) -> ToolResult:
    most = result_limit(turn.model.context_window, turn.most_characters)
    clean = turn.secrets.clean
    text = clean(shown.text) if len(shown.text) <= _AT_ONCE else await asyncio.to_thread(clean, shown.text)
    return ToolResult(call.id, fit(text, most, rest), status, shown.images, told.origin, told.remark, turn.mark)


def _kind(call: ToolCall, turn: Turn) -> ToolKind:
    try:
        return turn.toolbox.find(call.tool).kind
    except ToolError:
        return ToolKind.OTHER
