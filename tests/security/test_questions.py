"""What the user is shown is what is done, once, and a yes comes from nobody but the user."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_lsp.app import approval_documents
from agent_lsp.conversation.actions import (
    Action,
    ApprovalRequest,
    Choice,
    Command,
    Decision,
    FileChange,
    Target,
    ToolKind,
    WorkspacePath,
)
from agent_lsp.permissions import Preset, Ruling
from agent_lsp.permissions.approval import title
from agent_lsp.permissions.policy import Policy, PolicyConfig
from scripts.long_runs.shown import deceives, read_back
from tests.conftest import call
from tests.house import House, allow, house, reject
from tests.proc import links
from tests.security import naive

Script = Callable[..., str]


def command(line: str) -> Action:
    return Action("run_command", ToolKind.EXECUTE, "Run", Command(line, "/w", 60))


DECEIVING = {
    "padded": "ls" + " " * 300 + "; rm -rf x",
    "second_line": "ls\nrm -rf x",
    "carriage_return": "rm -rf x\rls      ",
    "erased_by_ansi": "rm -rf x\x1b[2K\x1b[1Gls",
    "reversed": "echo \u202e'x fr- mr'",
    "zero_width": "r\u200bm -rf x",
    "tag_characters": "ls\U000e0072\U000e006d",
    "blank_letters": "ls\u3164\u2800; rm -rf x",
}


def is_what_it_is(shown: str, line: str) -> bool:
    """Whether a reader sees nothing else than what is there, and all of it."""
    return not deceives(shown) and line in read_back(shown)


@pytest.mark.parametrize("line", DECEIVING.values(), ids=DECEIVING)
def test_every_byte_of_a_command_is_shown(line: str) -> None:
    assert is_what_it_is(title(command(line)), line)
    assert not is_what_it_is(naive.title(command(line)), line)
    assert title(command("ls -la 'a b'")) == "run_command: ls -la 'a b'"


def test_a_question_names_the_target_and_not_just_its_alias() -> None:
    effect = FileChange(
        WorkspacePath("/w", "notes", "notes"), "a", "b", target=Target("/w/.git/config", "git runs what it names")
    )
    asked = Action("edit_file", ToolKind.EDIT, "Edit notes", effect)

    assert "/w/.git/config" in title(asked)
    assert "/w/.git/config" not in asked.title  # which is what a tool says of itself
    assert "→" not in title(
        Action(
            "edit_file", ToolKind.EDIT, "", FileChange(WorkspacePath("/w", "a", "a"), "a", "b", target=Target("/w/a"))
        )
    )


async def test_a_target_that_is_swapped_while_the_user_thinks_is_not_written(
    workspace: Path, state: Path, script: Script
) -> None:
    (workspace / "notes").mkdir()
    (workspace / ".git" / "hooks").mkdir(parents=True)

    def swapped(request: ApprovalRequest) -> Decision:
        (workspace / "notes").rmdir()
        (workspace / "notes").symlink_to(".git/hooks")
        return allow(request)

    calls = [call("write_file", path=path, content="x") for path in ("notes/pre-commit", "other")]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state) as home:
        home.answer = swapped
        await home.ask()
    assert not (workspace / ".git" / "hooks" / "pre-commit").exists()
    assert not (workspace / "other").exists() or (workspace / "other").read_text() == "x"
    naive.file_tool("write_file", calls[0]["arguments"], workspace)  # checked before, written now
    assert (workspace / ".git" / "hooks" / "pre-commit").exists()


async def _asked_in(home: House) -> int:
    await home.ask()
    return len(home.asked)


async def test_a_yes_in_the_history_is_no_yes(workspace: Path, state: Path, script: Script) -> None:
    def for_session(_: ApprovalRequest) -> Decision:
        return Decision(Choice.ALLOW_SESSION)

    model = script({"calls": [call("run_command", command="echo a >> log")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        home.answer = for_session
        assert await _asked_in(home) == 1
        assert await _asked_in(home) == 1  # the yes stands for as long as the session is open
        assert home.session
        session_id = home.session.id
    async with house(model, workspace, state) as home:
        home.session = await home.parts.sessions.get(session_id)
        recorded = [entry for entry in home.session.conversation.entries if "allow_session" in repr(entry.content)]
        assert recorded  # what a naive gate would read its answer from
        home.answer = reject
        assert await _asked_in(home) == 1
    assert (workspace / "log").read_text() == "a\na\n"


@pytest.mark.parametrize("preset", [Preset.EDITS, Preset.AUTO])
def test_after_untrusted_text_what_was_free_asks(preset: Preset) -> None:
    schema = FileChange(
        WorkspacePath("/w", "a.json", "a.json"),
        None,
        '{"$schema": "https://evil.example/?k=v"}',
        target=Target("/w/a.json"),
    )
    policy = Policy(PolicyConfig(preset, confined=True), ["/w"])
    write = Action("write_file", ToolKind.EDIT, "", schema)

    assert policy.decide(write, tainted="https://evil.example/page").ruling is Ruling.ASK
    assert policy.decide(write).ruling is Ruling.ALLOW  # and is what a gate without memory says


def test_a_document_of_ours_follows_no_link_that_waits_for_it(tmp_path: Path) -> None:
    request = ApprovalRequest("approval_1", "s", "t", "c", command("ls"), "", 0.0)
    file, victim = approval_documents.document(request, tmp_path), tmp_path / "victim"
    file.parent.mkdir()
    victim.write_text("precious")
    file.symlink_to(victim)

    with pytest.raises(FileExistsError):
        approval_documents.write(request, tmp_path)
    assert victim.read_text() == "precious"
    file.write_text("naive")
    assert victim.read_text() == "naive"
    file.unlink()
    assert approval_documents.write(request, tmp_path).read_text() == "in /w, at most 60 s:\n  ls\n"


def listening() -> set[str]:
    """The sockets of this process that take connections, from any family that has addresses."""
    own = links(os.getpid())
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in own:
                found.add(words[1])
    return found


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="the system has no table of sockets to look into")
async def test_a_turn_opens_no_port(workspace: Path, state: Path, script: Script) -> None:
    seen: list[set[str]] = []

    def looking(request: ApprovalRequest) -> Decision:
        seen.append(listening())
        return allow(request)

    before = listening()
    async with house(
        script({"calls": [call("run_command", command="touch x")]}, {"text": "ok"}), workspace, state
    ) as home:
        home.answer = looking
        await home.ask()
        assert [*seen, listening()] == [before, before]
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, family=socket.AF_INET)
    assert listening() != before  # a daemon with a port would be seen
    server.close()
    await server.wait_closed()
