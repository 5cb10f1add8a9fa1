"""From settings to what runs commands: what they may not touch or see, and the sandbox they run in."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from agent_lsp.commands.commands import CommandRules, Commands
from agent_lsp.files.files import Files
from agent_lsp.permissions import protected_paths
from agent_lsp.permissions.read_only_commands import ENVIRONMENT
from agent_lsp.processes.run import Processes
from agent_lsp.sandbox.choose import Machine, Sandboxes
from agent_lsp.sandbox.guard.quarantine import Quarantine
from agent_lsp.sandbox.guard.user_secrets import secrets
from agent_lsp.sandbox.levels.engines import variables
from agent_lsp.settings.settings import Settings
from agent_lsp.tools.shell import MOST_SECONDS

PROTECTED = (
    ".git/hooks", ".git/config", ".git/config.worktree", ".git/modules", ".git/worktrees", ".git/commondir",
    ".git/info/attributes", ".gitmodules", ".vscode", ".idea", ".zed", ".agent", ".claude", ".codex", ".cursor",
    ".gemini", ".mcp.json", "AGENTS.md", "CLAUDE.md", ".github/workflows", ".gitlab-ci.yml", ".env", ".envrc",
    ".venv/bin", "venv/bin", ".bashrc", ".bash_profile", ".profile", ".zshrc",
)  # fmt: skip
"""Names that a command can neither change nor create: what others run or obey."""
WATCHED = tuple(one.path for one in protected_paths.PROTECTED if one.path != ".git")
"""Names, and patterns of them, that are held where they are, and taken back where a command has made them. Git itself
may work."""


def sandboxes(
    settings: Settings, state: Path, roots: Sequence[str], processes: Processes, environment: Mapping[str, str]
) -> Sandboxes:
    """What confines commands, tried in a folder below `state`, which is the daemon's own."""
    path = environment.get("PATH", os.defpath)
    machine = Machine(
        path, base_python(), settings.sandbox_image, MOST_SECONDS, engine_variables=variables(environment)
    )
    return Sandboxes(state / "sandbox", roots, processes, machine)


def base_python() -> str:
    """The Python that we run in, without its virtual environment, which may lie in a hidden folder."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    return str(Path(base).resolve())


def commands(
    files: Files,
    processes: Processes,
    confined_by: Sandboxes,
    state: Path,
    *,
    rules: CommandRules,
    new_id: Callable[[str], str],
) -> Commands:
    """What runs commands for the tools; what they must not make is kept below `state`."""
    return Commands(files, processes, confined_by, Quarantine(state / "taken-back", lambda: new_id("entry")), rules)


def rules(settings: Settings, state: Path, environment: Mapping[str, str]) -> CommandRules:
    """What holds for every command."""
    hidden = (str(state), *secrets(homes(environment), root=os.geteuid() == 0))
    return CommandRules(PROTECTED, hidden, WATCHED, ENVIRONMENT, unsandboxed=settings.unsandboxed_commands)


def homes(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where the user's own files lie, as the environment and the system have it."""
    found = [environment.get("HOME", "")]
    with suppress(KeyError):  # a user without an entry, as in containers
        found.append(pwd.getpwuid(os.getuid()).pw_dir)
    return tuple(dict.fromkeys(str(Path(home).resolve()) for home in found if home))
