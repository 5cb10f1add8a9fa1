"""run_command: one shell line in a folder of the workspace."""

from __future__ import annotations

import codecs

from pydantic import Field

from agent_lsp.conversation.actions import Action, Command, ToolKind
from agent_lsp.processes import Ended
from agent_lsp.tools import Arguments, ChangingTool, ToolContext, ToolError
from agent_lsp.workspace.roots import PathRefused, is_folder

_MOST_BYTES = 1 << 20
_SECONDS, _MOST_SECONDS = 120.0, 600.0


class RunCommand(Arguments):
    command: str = Field(min_length=1, description="One line for /bin/sh")
    cwd: str | None = Field(None, description="Folder to run in; default: the first workspace folder")
    timeout_seconds: float = Field(_SECONDS, gt=0, le=_MOST_SECONDS, description="Seconds after which it is killed")


async def _prepare(arguments: RunCommand, context: ToolContext) -> Action:
    roots = context.files.roots
    try:
        folder = roots.find(arguments.cwd or roots.all[0].path)
        if not is_folder(folder):
            raise ToolError(f"'{folder.shown}' is no folder")
    except PathRefused as error:
        raise ToolError(str(error)) from error
    if "\0" in arguments.command:
        raise ToolError("a command cannot contain a NUL character")
    effect = Command(arguments.command, folder.path, arguments.timeout_seconds, await context.files.unsaved())
    return Action("run_command", ToolKind.EXECUTE, f"Run {arguments.command}", effect)


async def _perform(action: Action, context: ToolContext) -> str:
    assert isinstance(action.effect, Command)  # noqa: S101 - prepared by this file
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        ended = await context.processes.run(
            ["/bin/sh", "-c", action.effect.line],
            cwd=action.effect.cwd,
            timeout_seconds=action.effect.timeout_seconds,
            most_bytes=_MOST_BYTES,
            output=lambda piece: context.output(decoder.decode(piece)),
        )
    except OSError as error:
        raise ToolError(f"the command could not be started: {error}") from error
    return _told(ended, action.effect)


def _told(ended: Ended, command: Command) -> str:
    text = ended.output.decode("utf-8", "replace")
    lines = [text if text.endswith("\n") or not text else f"{text}\n"]
    if ended.timed_out:
        lines.append(f"[killed after {command.timeout_seconds:g} s]")
    elif ended.code < 0:
        lines.append(f"[ended by signal {-ended.code}]")
    elif ended.code or not text:
        lines.append(f"[exit code {ended.code}]")
    if command.unsaved:
        lines.append(f"\n[unsaved in the editor, so the command did not see it: {', '.join(command.unsaved)}]")
    return "".join(lines)


run_command = ChangingTool(
    name="run_command",
    kind=ToolKind.EXECUTE,
    description=(
        "Run a shell line, such as a test or a build, and get its output and exit code. Nothing can be typed into it,"
        " and what it leaves running is ended with it. Read, search and edit files with the other tools."
    ),
    arguments=RunCommand,
    title=lambda arguments: f"Run {arguments.command}",
    prepare=_prepare,
    perform=_perform,
    rest="Run it again with its output piped through grep, head or tail",
)
