"""One tool call, in one order for every tool alike: validate → prepare → permit → checkpoint → perform → fit."""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from agent_lsp.agent import Turn, result_origin
from agent_lsp.agent.gate import Permitted, Rejected
from agent_lsp.conversation.actions import Action, FileChange, ToolKind
from agent_lsp.conversation.entries import CallBegan
from agent_lsp.conversation.events import ToolCallFinished, ToolCallOutput, ToolCallStarted
from agent_lsp.conversation.messages import OWN, ResultStatus, ToolCall, ToolResult
from agent_lsp.permissions.secrets import hidden_parts
from agent_lsp.tools import Arguments, ChangingTool, NothingRead, ReadingTool, Shown, Tool, ToolContext, ToolError
from agent_lsp.undo.checkpoints import NOTHING, Checkpoint

_MOST_TOLD = 300  # characters: the line in which a client says how a call ended
_NOT_DONE = "Cancelled: it was not done."
_BROKEN_OFF = "Cancelled before its end. If it changes anything, look before you repeat it."


class Call:
    """A call of a turn: `result` is what the model is told, `stop` whether the user wants the turn to end after it.

    The result stands at "cancelled" until it is known.
    """

    def __init__(self, asked: ToolCall, turn: Turn) -> None:
        self.result = ToolResult(asked.id, _NOT_DONE, ResultStatus.CANCELLED, origin=OWN)
        self.stop = False
        self._asked, self._turn, self._bench = asked, turn, turn.workbench
        self._title = ""
        self._origin, self._remark = OWN, ""
        """Whose words the result may hold by now, and what the daemon and the user say to it."""
        self._output = self._bench.secrets.stream()

    @property
    def runs_beside_others(self) -> bool:
        """Whether the call may run in parallel with the calls beside it."""
        return self._bench.runs_beside_others(self._asked.tool)

    async def perform(self) -> None:
        """Performs it; its result says how that went. Only a cancellation and a bug are raised."""
        try:
            tool = self._bench.toolbox.find(self._asked.tool)
            arguments = self._validated(tool)
            self._started(tool.kind, tool.title(arguments))
            self._origin = await result_origin.of_call(tool, arguments, self._bench.origins)
            await self._end(await self._shown(tool, arguments), ResultStatus.DONE, tool.rest)
        except NothingRead as error:
            self._origin = OWN
            await self._end(Shown(str(error)), ResultStatus.FAILED)
        except ToolError as error:
            await self._end(Shown(str(error)), ResultStatus.FAILED)
        except Rejected as rejected:
            self._origin, self._remark, self.stop = OWN, "", rejected.stop
            await self._end(Shown(str(rejected)), ResultStatus.REJECTED)
        finally:
            self._finished()

    def _validated(self, tool: Tool) -> Arguments:
        try:
            return tool.arguments.model_validate_json(self._asked.arguments or "{}")  # type: ignore[no-any-return]  # a box of Any
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()[:5])
            names = ", ".join(tool.arguments.model_fields)
            raise ToolError(f"the arguments of {tool.name} are wrong ({wrong}); it takes: {names}") from error

    async def _shown(self, tool: Tool, arguments: Arguments) -> Shown:
        context = self._bench.context(lambda text: self._show(self._output.feed(text)))
        match tool:
            case ReadingTool():
                return await self._read(tool, arguments, context)
            case ChangingTool():
                try:
                    return await self._changed(tool, arguments, context)
                except ToolError:  # it may show what another session has written since
                    now = await result_origin.of_call(tool, arguments, self._bench.origins)
                    self._origin = result_origin.wider(self._origin, now)
                    raise
                finally:
                    self._show(self._output.rest())

    async def _read(self, tool: ReadingTool[Arguments], arguments: Arguments, context: ToolContext) -> Shown:
        await self._turn.gate.must_be_readable(tool.name, arguments)
        found = await tool.perform(arguments, context)
        shown = Shown(found) if isinstance(found, str) else found
        self._origin = await result_origin.of_shown(shown, self._origin, self._bench.origins)
        return shown

    async def _changed(self, tool: ChangingTool[Arguments], arguments: Arguments, context: ToolContext) -> Shown:
        prepared = await tool.prepare(arguments, context)
        _must_keep_secrets(prepared)
        permitted = await self._turn.gate.permit(self._asked.id, prepared)
        self._origin = await result_origin.of_action(permitted.action, self._origin, self._bench.origins)
        self._remark = permitted.note.strip()
        shown = Shown(await self._on_record(tool, permitted, context))
        self.stop = permitted.stop
        return shown

    async def _on_record(self, tool: ChangingTool[Arguments], permitted: Permitted, context: ToolContext) -> str:
        """Performs an action: what it changes is on record before, and afterwards if something else became of it."""
        checkpoints = self._bench.checkpoints
        taken = became = await self._bench.checkpoint(permitted.action)
        await self._begin(permitted, taken)
        try:
            text, made = await self._performed(tool, permitted, context)
            became = await checkpoints.performed(taken, made)
            return text  # noqa: TRY300 - in else it would come after what finally writes
        except BaseException:
            became = await checkpoints.failed(taken)
            raise
        finally:
            if became != taken:
                await self._turn.record.append(became.entry(self._asked.id, self._turn.id, self._taint(permitted)))

    async def _begin(self, permitted: Permitted, taken: Checkpoint) -> None:
        expected = () if taken == NOTHING else (taken.entry(self._asked.id, self._turn.id, self._taint(permitted)),)
        await self._turn.record.append(CallBegan(self._asked.id, permitted.action.digest), *expected)
        self.result = replace(self.result, text=_BROKEN_OFF)

    async def _performed(
        self, tool: ChangingTool[Arguments], permitted: Permitted, context: ToolContext
    ) -> tuple[str, FileChange | None]:
        """Perform the action. Return the tool's text, and the change it made if that differs from the permitted one."""
        action = permitted.action
        await self._turn.gate.use(permitted)
        done = await tool.perform(action, context)
        text, made = (done, None) if isinstance(done, str) else (done.text, done.made)
        self._origin = await result_origin.of_done(action, text, self._origin, self._bench.origins)
        return text, made if made != action.effect else None

    def _taint(self, permitted: Permitted) -> str:
        """Return the source of untrusted text that the call may write into files; empty if none is known yet."""
        return permitted.tainted or ("" if self._origin.provenance.trusted else self._origin.source)

    async def _end(self, shown: Shown, status: ResultStatus, rest: str = "") -> None:
        text = await self._bench.fitted(shown.text, window=self._turn.model.context_window, rest=rest)
        words = (self._origin, self._remark, self._bench.mark)
        self.result = ToolResult(self._asked.id, text, status, shown.images, *words)

    def _started(self, kind: ToolKind, title: str) -> None:
        self._title = title or self._asked.tool
        self._turn.emit(ToolCallStarted(self._asked.id, self._asked.tool, kind, title))

    def _show(self, output: str) -> None:
        if output:
            self._turn.emit(ToolCallOutput(self._asked.id, output))

    def _finished(self) -> None:
        asked, result = self._asked, self.result
        if not self._title:
            self._started(self._bench.kind(asked.tool), asked.tool)
        told = _first_line(result.text)
        self._turn.emit(ToolCallFinished(asked.id, asked.tool, self._title, result.status, told))


def _must_keep_secrets(prepared: Action) -> None:
    if isinstance(prepared.effect, FileChange) and hidden_parts(prepared.effect.before, prepared.effect.after):
        raise ToolError(
            "not done: the new text has '[redacted: …]' where the file holds a secret that was hidden from you, which"
            " would be lost. Change the other lines only, with edit_file."
        )


def _first_line(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= _MOST_TOLD else f"{line[: _MOST_TOLD - 1]}…"
