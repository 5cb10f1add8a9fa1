"""run_code: Python by the workspace's interpreter, shown as the shell line that it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_lsp.conversation.actions import Action, Command, ToolKind
from agent_lsp.tools import ToolContext, ToolError
from agent_lsp.tools.code import run_code
from tests.tools.calls import done, prepared


async def test_what_it_prints_is_told_and_each_run_starts_afresh(context: ToolContext) -> None:
    assert [
        await done(run_code, context, code="x = 'it\\'s'\nprint(x)"),
        await done(run_code, context, code="print('x' in globals())"),
        (await done(run_code, context, code="1 / 0")).splitlines()[-2:],
    ] == ["it's\n", "False\n", ["ZeroDivisionError: division by zero", "[exit code 1]"]]


async def test_the_action_is_the_exact_line(context: ToolContext, workspace: Path) -> None:
    action = await prepared(run_code, context, code="print('hi')", timeout_seconds=5)

    line = """exec python3 -c 'print('"'"'hi'"'"')'"""
    assert action == Action("run_code", ToolKind.EXECUTE, "Run Python: print('hi')", Command(line, str(workspace), 5))


async def test_an_own_environment_is_used_and_a_broken_one_is_not(context: ToolContext, workspace: Path) -> None:
    own = workspace / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.write_text("#!/bin/sh\necho own\n")
    broken = await prepared(run_code, context, code="1")
    own.chmod(0o755)
    mended = await prepared(run_code, context, code="1")

    assert isinstance(broken.effect, Command)
    assert isinstance(mended.effect, Command)
    assert (broken.effect.line, mended.effect.line) == ("exec python3 -c 1", f"exec {own} -c 1")
    assert await done(run_code, context, code="1") == "own\n"


async def test_code_that_is_too_long_for_a_command_line_is_refused_with_the_remedy(context: ToolContext) -> None:
    with pytest.raises(ToolError, match="more than 100000 bytes: write it to a file and run that"):
        await prepared(run_code, context, code="#" * 100_000)
