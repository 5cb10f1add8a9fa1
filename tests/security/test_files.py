"""What file tools may reach: the bad path fails, its good neighbour works, and a naive tool shows that it could."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.conversation.messages import ToolMessage
from tests.conftest import call
from tests.house import house, reject
from tests.security import naive

Script = Callable[..., str]


@dataclass(frozen=True)
class Case:
    """A call that must have no effect, what it would do to which file, and a neighbour that must work.

    Paths begin at the folder that holds `workspace` and `workspace-private`.
    """

    name: str
    tool: str
    arguments: dict[str, Any]
    harmed: str
    neighbour: str
    prepare: Callable[[Path], None] = lambda _: None
    settings: dict[str, Any] = field(default_factory=dict)


def linked(link: str, target: str) -> Callable[[Path], None]:
    return lambda workspace: (workspace / link).symlink_to(target.format(outside=workspace.parent))


def folder_linked_to_hooks(workspace: Path) -> None:
    (workspace / ".git" / "hooks").mkdir(parents=True)
    (workspace / "notes").symlink_to(".git/hooks")


def repository(workspace: Path) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".git" / "config").write_text("[core]\n")


def hard_linked_config(workspace: Path) -> None:
    repository(workspace)
    (workspace / "notes.txt").hardlink_to(workspace / ".git" / "config")


def bare_repository(workspace: Path) -> None:
    for name in ("objects", "refs"):
        (workspace / "fixture" / name).mkdir(parents=True)


def write(path: str) -> dict[str, Any]:
    return {"path": path, "content": "harm\n"}


CASES = [
    # FD: no string test decides
    Case("sibling_prefix", "write_file", write("../workspace-private/new"), "workspace-private/new", "private/new"),
    Case("traversal", "write_file", write("a/../../outside"), "outside", "a/outside"),
    Case(
        "denied_alias",
        "edit_file",
        {"path": "alias", "edits": [{"old_text": "secret", "new_text": "harm"}]},
        "workspace/secret.txt",
        "other.txt",
        linked("alias", "secret.txt"),
        {"deny": ["*(secret.txt)"]},
    ),
    Case(
        "link_to_outside",
        "write_file",
        write("link/new"),
        "workspace-private/new",
        "real/new",
        linked("link", "{outside}/workspace-private"),
    ),
    Case("dangling_link", "write_file", write("out"), "outside", "out2", linked("out", "{outside}/outside")),
    Case("relative_link_out", "write_file", write("up/outside"), "outside", "down/outside", linked("up", "..")),
    # PROT: asks every time, there or not
    Case(
        "missing_settings",
        "write_file",
        write(".claude/settings.json"),
        "workspace/.claude/settings.json",
        "claude/settings.json",
    ),
    Case("worktree_named_git", "write_file", write("tree/.git/config"), "workspace/tree/.git/config", "tree/config"),
    Case(
        "editor_settings",
        "write_file",
        write(".vscode/settings.json"),
        "workspace/.vscode/settings.json",
        "vscode/settings.json",
    ),
    Case("outside_tools", "write_file", write(".cursor/mcp.json"), "workspace/.cursor/mcp.json", "cursor/x.json"),
    Case("other_case", "write_file", write(".CURSOR/MCP.JSON"), "workspace/.CURSOR/MCP.JSON", "CURSOR/X.JSON"),
    Case("backslash", "write_file", write(".vscode\\tasks.json"), "workspace/.vscode\\tasks.json", "vs\\tasks.json"),
    Case("short_name", "write_file", write("VSCODE~1/tasks.json"), "workspace/VSCODE~1/tasks.json", "VS~1/tasks.json"),
    Case("ignore_file", "write_file", write(".cursorignore"), "workspace/.cursorignore", "cursorignore.txt"),
    Case(
        "hidden_repository",
        "write_file",
        write("fixture/HEAD"),
        "workspace/fixture/HEAD",
        "fixture/heading",
        bare_repository,
    ),
    Case(
        "hook_of_another_agent",
        "write_file",
        write("sub/.claude/settings.local.json"),
        "workspace/sub/.claude/settings.local.json",
        "sub/settings.local.json",
    ),
    Case("interpreter", "write_file", write(".venv/bin/python"), "workspace/.venv/bin/python", "bin/run"),
    Case("environment_file", "write_file", write(".env"), "workspace/.env", "env"),
    Case("own_server_list", "write_file", write(".roo/mcp.json"), "workspace/.roo/mcp.json", "roo/x.json"),
    Case(
        "git_configuration",
        "edit_file",
        {"path": ".git/config", "edits": [{"old_text": "core", "new_text": "harm"}]},
        "workspace/.git/config",
        "git/config",
        repository,
    ),
    Case("project_settings", "write_file", write(".agent/config.toml"), "workspace/.agent/config.toml", "agent/config"),
    Case(
        "move_into_hooks",
        "move_file",
        {"path": "greeting.txt", "new_path": ".git/hooks/pre-commit"},
        "workspace/.git/hooks/pre-commit",
        "hooks/pre-commit",
        repository,
    ),
    Case(
        "alias_of_hooks",
        "write_file",
        write("notes/pre-commit"),
        "workspace/.git/hooks/pre-commit",
        "notebook/pre-commit",
        folder_linked_to_hooks,
    ),
    Case(
        "hard_link",
        "edit_file",
        {"path": "notes.txt", "edits": [{"old_text": "core", "new_text": "harm"}]},
        "workspace/.git/config",
        "notes2.txt",
        hard_linked_config,
    ),
]


def prepared(case: Case, workspace: Path) -> None:
    (workspace.parent / "workspace-private").mkdir()
    (workspace / "secret.txt").write_text("secret\n")
    case.prepare(workspace)


def is_harmed(case: Case, workspace: Path) -> bool:
    file = workspace.parent / case.harmed
    return file.is_file() and file.read_text() != "[core]\n" and file.read_text() != "secret\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_bad_path_fails_and_its_neighbour_works(
    case: Case, workspace: Path, state: Path, script: Script
) -> None:
    prepared(case, workspace)
    calls = [call(case.tool, **case.arguments), call("write_file", **write(case.neighbour))]
    async with house(
        script({"calls": calls}, {"text": "ok"}), workspace, state, preset="edits", **case.settings
    ) as home:
        home.answer = reject
        await home.ask()
    assert not is_harmed(case, workspace)
    assert (workspace / case.neighbour).read_text() == "harm\n"
    assert len(home.asked) <= 1  # about the bad path, if it was not refused at once


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_naive_file_tool_does_the_harm(case: Case, workspace: Path) -> None:
    prepared(case, workspace)
    naive.file_tool(case.tool, case.arguments, workspace)
    assert is_harmed(case, workspace)


@pytest.mark.parametrize("tool", ["list_files", "read_file"])
async def test_reading_tools_go_through_the_same_door(tool: str, workspace: Path, state: Path, script: Script) -> None:
    private = workspace.parent / "workspace-private"
    private.mkdir()
    (private / "key").write_text("the secret")
    arguments = {"path": "../workspace-private" if tool == "list_files" else "../workspace-private/key"}
    found = "key" if tool == "list_files" else "the secret"
    assert found in naive.file_tool(tool, arguments, workspace)

    async with house(script({"calls": [call(tool, **arguments)]}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        [told] = [result for message in home.messages if isinstance(message, ToolMessage) for result in message.results]
    assert found not in told.text.replace("workspace-private/key", "")
    assert "outside the workspace" in told.text


@pytest.mark.parametrize("cwd", ["..", "/tmp", "../workspace-private", "link"])
async def test_a_folder_that_the_model_names_joins_no_root(
    cwd: str, workspace: Path, state: Path, script: Script
) -> None:
    (workspace.parent / "workspace-private").mkdir()
    (workspace / "link").symlink_to(workspace.parent / "workspace-private")
    calls = [call("run_command", command="pwd > here", cwd=cwd), call("run_command", command="pwd > here")]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        await home.ask()  # the user allows everything
        assert [asked.action.title for asked in home.asked] == ["Run pwd > here"]
    assert [str(file.parent) for file in workspace.parent.rglob("here")] == [str(workspace)]


async def test_words_of_the_model_that_no_approval_is_needed_are_no_arguments(
    workspace: Path, state: Path, script: Script
) -> None:
    calls = [call("write_file", path="a", content="x", requires_approval=False, approved=True)]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        home.answer = reject
        await home.ask()
        assert home.asked == []
    assert not (workspace / "a").exists()
    assert naive.file_tool("write_file", calls[0]["arguments"], workspace) == "done"
