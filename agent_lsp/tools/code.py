"""run_code: some lines of Python by the workspace's own interpreter."""

from __future__ import annotations

import shlex

from pydantic import Field

from agent_lsp.commands.interpreter import interpreter
from agent_lsp.conversation.actions import Action, ToolKind
from agent_lsp.conversation.messages import Provenance
from agent_lsp.files.location import PathRefused
from agent_lsp.tools import ChangingTool, ToolContext, ToolError
from agent_lsp.tools.shell import InFolder, performed, prepared

_MOST_BYTES = 100_000
"""Linux takes 128 KB in one argument (execve(2))."""


class RunCode(InFolder):
    code: str = Field(min_length=1, description="Python source; print what you want to see")


async def _prepare(arguments: RunCode, context: ToolContext) -> Action:
    roots = context.files.roots
    try:
        root = roots.find(arguments.cwd or roots.all[0].path).root
    except PathRefused as error:
        raise ToolError(str(error)) from error
    line = f"exec {shlex.quote(interpreter(root))} -c {shlex.quote(arguments.code)}"
    if len(line.encode("utf-8", "replace")) > _MOST_BYTES:
        raise ToolError(f"the code has more than {_MOST_BYTES} bytes: write it to a file and run that")
    return await prepared("run_code", _title(arguments), line, arguments, context)


def _title(arguments: RunCode) -> str:
    count = len(arguments.code.splitlines())
    return f"Run Python: {arguments.code.strip()}" if count == 1 else f"Run {count} lines of Python"


run_code = ChangingTool(
    name="run_code",
    kind=ToolKind.EXECUTE,
    description=(
        "Run Python source with the workspace's interpreter (its .venv, else python3) and get what it prints. Each run"
        " starts afresh, in the sandbox of run_command."
    ),
    arguments=RunCode,
    title=_title,
    prepare=_prepare,
    perform=performed,
    rest="Run it again and print less",
    provenance=Provenance.PROJECT,
)
