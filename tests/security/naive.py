"""Executors that do what agents were published for: each security test must fail on one of these."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from agent_lsp.conversation.actions import Action, Command

SAFE_PROGRAMS = {
    "ls",
    "cat",
    "cd",
    "echo",
    "find",
    "git",
    "grep",
    "rg",
    "sed",
    "sort",
    "uniq",
    "true",
    "yarn",
    "npm",
    "export",
}


def command(line: str, folder: Path) -> str:
    """Runs a line whose first word is on a list, by a shell, as several agents did."""
    if line.split(maxsplit=1)[0] not in SAFE_PROGRAMS:
        return ""
    ran = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=20, check=False)
    return ran.stdout


def file_tool(tool: str, arguments: dict[str, Any], folder: Path) -> str:
    """Joins the path, compares strings, and follows whatever stands there."""
    path: Path = folder / arguments["path"]
    if not str(path).startswith(str(folder)):
        return "refused"
    match tool:
        case "read_file":
            return path.read_text()
        case "list_files":
            return "\n".join(one.name for one in path.iterdir())
        case "move_file":
            (folder / arguments["new_path"]).parent.mkdir(parents=True, exist_ok=True)
            path.rename(folder / arguments["new_path"])
        case "edit_file":
            [edit] = arguments["edits"]
            path.write_text(path.read_text().replace(edit["old_text"], edit["new_text"]))
        case "write_file":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(arguments["content"])
    return "done"


def title(action: Action) -> str:
    """Puts what the model sent into a prompt as it is, and no more of it than fits."""
    assert isinstance(action.effect, Command)
    return f"{action.tool}: {action.effect.line}"[:80]
