"""run_command: one shell line in a folder of the workspace."""

from __future__ import annotations

import codecs

from pydantic import Field

from agent_lsp.commands.commands import CommandRun, Ran, runs_git
from agent_lsp.conversation.actions import Action, Command, ToolKind
from agent_lsp.conversation.messages import Provenance
from agent_lsp.files.location import PathRefused
from agent_lsp.files.roots import Roots
from agent_lsp.files.safe_open import is_folder
from agent_lsp.permissions.read_only_commands import IN_READ_ONLY, only_reads
from agent_lsp.permissions.shell_line import plain_words
from agent_lsp.sandbox import SandboxRefused
from agent_lsp.text.visible import visible
from agent_lsp.tools import Arguments, ChangingTool, ToolContext, ToolError

_MOST_BYTES, _MOST_NAMED = 1 << 20, 5
_SECONDS, MOST_SECONDS = 120.0, 600.0
_IN_THE_SANDBOX = (
    "It runs in a sandbox: it can change the workspace only, but not what others run or obey (such as .git/hooks,"
    " AGENTS.md, .env); it has no network, a /tmp of its own, and sees the unsaved text of open files, read-only."
)


class InFolder(Arguments):
    cwd: str | None = Field(None, description="Folder to run in; default: the first workspace folder")
    timeout_seconds: float = Field(_SECONDS, gt=0, le=MOST_SECONDS, description="Seconds after which it is killed")
    outside_sandbox: bool = Field(
        False, description="Run it without the sandbox; the user is always asked, so say first why it must be"
    )


class RunCommand(InFolder):
    command: str = Field(min_length=1, description="One line for /bin/sh")


async def prepared(tool: str, title: str, line: str, where: InFolder, context: ToolContext) -> Action:
    """The action of running a shell line. Raises ToolError."""
    roots = context.files.roots
    try:
        folder = roots.find(where.cwd) if where.cwd else roots.present()[0]
        if not is_folder(folder):
            raise ToolError(f"'{folder.shown}' is no folder")
        confined = await context.commands.confined(outside=where.outside_sandbox)
        reads = confined and _reads(line, folder.path, roots) and await context.commands.can_only_read()
    except (PathRefused, SandboxRefused) as error:
        raise ToolError(str(error)) from error
    if "\0" in line:
        raise ToolError("a command cannot contain a NUL character")
    unseen = await context.commands.unseen(confined=confined)
    effect = Command(line, folder.path, where.timeout_seconds, unseen, confined, reads)
    return Action(tool, ToolKind.EXECUTE, title if confined else f"{title} (outside the sandbox)", effect)


def _reads(line: str, cwd: str, roots: Roots) -> bool:
    """Whether a line need not change anything, so that it is run where it cannot."""
    words = plain_words(line)
    return words is not None and only_reads(words, cwd=cwd, roots=[root.path for root in roots.all], table=IN_READ_ONLY)


async def performed(action: Action, context: ToolContext) -> str:
    """Runs the line of an action and tells what came of it. Raises ToolError."""
    command = action.effect
    assert isinstance(command, Command)  # noqa: S101 - prepared by this file
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    program = CommandRun(
        ("/bin/sh", "-c", command.line),
        command.cwd,
        command.timeout_seconds,
        _MOST_BYTES,
        command.reads,
        lambda piece: context.output(decoder.decode(piece)),
    )
    try:
        ran = await context.commands.run(program, confined=command.confined)
    except (OSError, SandboxRefused) as error:
        raise ToolError(f"the command could not be started: {error}") from error
    text = ran.ended.output.decode("utf-8", "replace")
    told, notes = _how_it_ended(ran, command, text), "".join(f"\n[{visible(note)}]" for note in _notes(ran, command))
    if shown := (told if ran.ended.code or ran.ended.timed_out else "") + notes:
        context.output("\n" * bool(text and not text.endswith("\n")) + shown)  # the user saw only what it printed
    return (text if text.endswith("\n") or not text else f"{text}\n") + told + notes


async def _prepare(arguments: RunCommand, context: ToolContext) -> Action:
    return await prepared("run_command", f"Run {arguments.command}", arguments.command, arguments, context)


def _how_it_ended(ran: Ran, command: Command, text: str) -> str:
    if ran.ended.timed_out:
        return f"[killed after {command.timeout_seconds:g} s]"
    if ran.ended.code < 0:
        return f"[ended by signal {-ran.ended.code}]"
    return f"[exit code {ran.ended.code}]" if ran.ended.code or not text else ""


def _notes(ran: Ran, command: Command) -> list[str]:
    notes = []
    if ran.unseen:
        notes.append(f"unsaved in the editor, so the command did not see it: {', '.join(ran.unseen)}")
    if ran.read_unsaved:
        notes.append(f"unsaved in the editor, so the command read it from there: {', '.join(ran.read_unsaved)}")
    if ran.kept and (ran.ended.code or runs_git([command.line])):
        more = f" and {len(ran.kept) - _MOST_NAMED} more" if len(ran.kept) > _MOST_NAMED else ""
        names = ", ".join(ran.kept[:_MOST_NAMED])
        notes.append(f"hidden from it, for the user keeps it from you (.agentignore, .aiignore): {names}{more}")
    if ran.pipes and ran.ended.code:
        notes.append(f"hidden from it, for another program may be at the other end: {', '.join(ran.pipes)}")
    for one in ran.taken_back:
        kept = f"; what the command made of it is kept at {one.kept_at}" if one.kept_at else ""
        notes.append(f"taken back, for only the user may change it: {one.shown}{kept}")
    if ran.taken_back:
        notes.append("where that must be made, ask the user to, or run it outside the sandbox, which asks them")
    if ran.left:
        notes.append(
            f"made or changed, though only the user may, and it could not be taken back: {', '.join(ran.left)}"
        )
    if ran.opened:
        notes.append(f"it closed these folders, which were opened again to look through them: {', '.join(ran.opened)}")
    if not ran.surveyed:
        notes.append("the workspace has too many folders to see whether it made something that only the user may make")
    return notes


run_command = ChangingTool(
    name="run_command",
    kind=ToolKind.EXECUTE,
    description=(
        "Run a shell line, such as a test or a build, and get its output and exit code. Nothing can be typed into it,"
        " and what it leaves running is ended with it. Read, search and edit files with the other tools."
        f" {_IN_THE_SANDBOX}"
    ),
    arguments=RunCommand,
    title=lambda arguments: f"Run {arguments.command}",
    prepare=_prepare,
    perform=performed,
    rest="Run it again with its output piped through grep, head or tail",
    provenance=Provenance.PROJECT,
)
