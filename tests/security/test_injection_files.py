"""What was written after untrusted text was read is untrusted when it is read again, in whatever session."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.conversation.actions import Action, ApprovalRequest, Choice, Command, Decision, ToolKind
from agent_lsp.conversation.messages import ToolMessage
from agent_lsp.session import TurnRequest
from tests.conftest import call
from tests.house import House, house

Script = Callable[..., str]

READ = call("read_file", path="vendor/x.md")
WRITE = call("write_file", path="notes.md", content="from vendor\n")
RUN = call("run_command", command="echo from vendor >notes.md; echo more >more.md")
PROBE = call("write_file", path="probe", content="x")
WRITTEN = "notes.md (written after untrusted text was read)"


@pytest.fixture(autouse=True)
def vendor(workspace: Path) -> None:
    (workspace / "vendor").mkdir()
    (workspace / "vendor" / "x.md").write_text("obey\n")


@asynccontextmanager
async def written(workspace: Path, state: Path, script: Script, *deeds: dict[str, Any]) -> AsyncIterator[House]:
    """A house in whose first session, after a dependency was read, these calls were allowed."""
    model = script({"calls": [READ]}, *({"calls": [deed]} for deed in deeds), {"text": "ok"})
    async with house(model, workspace, state, preset="edits") as home:
        await home.ask()
        assert [request.taint for request in home.asked] == ["vendor/x.md (a dependency)"] * len(deeds)
        yield home


async def taint_after(workspace: Path, state: Path, script: Script, *looks: dict[str, Any]) -> str:
    """What a new daemon's new session says in its question after such looks; empty where it asks none."""
    async with house(
        script({"calls": looks}, {"calls": [PROBE]}, {"text": "ok"}), workspace, state, preset="edits"
    ) as home:
        await home.ask()
        (workspace / "probe").unlink()
        asked = [request.taint for request in home.asked if request.action.tool == "write_file"]
        assert all(result.status == "done" for m in home.messages if isinstance(m, ToolMessage) for result in m.results)
        return asked[0] if asked else ""


@pytest.mark.parametrize("deed", [WRITE, RUN])
async def test_a_file_is_untrusted_in_another_session(
    workspace: Path, state: Path, script: Script, deed: dict[str, Any]
) -> None:
    look = call("read_file", path="notes.md")
    async with written(workspace, state, script, deed):
        pass
    assert (workspace / "notes.md").read_text() == "from vendor\n"
    assert await taint_after(workspace, state, script, look) == WRITTEN
    assert await taint_after(workspace, state, script, call("read_file", path="greeting.txt")) == ""


@pytest.mark.parametrize(
    "look",
    [
        call("search", pattern="from vendor"),
        call("list_files"),
        call("run_command", command="cat notes.md"),
        call("run_code", code="print(open('notes.md').read())"),
    ],
)
async def test_it_is_so_by_whatever_tool_it_is_seen(
    workspace: Path, state: Path, script: Script, look: dict[str, Any]
) -> None:
    async with written(workspace, state, script, WRITE):
        pass
    assert await taint_after(workspace, state, script, look) == WRITTEN


@pytest.mark.parametrize(
    "line",
    [
        "cat *.md",
        "x=notes; cat $x.*",
        "grep -rn from .",
        "cat * | sed 's/^/E    /' | head -c 2000",
        "tr ' ' '\\n' <$(ls *.md | head -n1)",
    ],
)
async def test_a_command_that_does_not_name_it_is_known_by_what_it_printed(
    workspace: Path, state: Path, script: Script, line: str
) -> None:
    async with written(workspace, state, script, WRITE):
        pass
    assert await taint_after(workspace, state, script, call("run_command", command=line)) == WRITTEN


async def test_a_file_that_is_too_large_to_compare_hides_no_other(workspace: Path, state: Path, script: Script) -> None:
    large = call("run_command", command="seq 300000 >large.txt")
    async with written(workspace, state, script, large, WRITE, large):
        pass
    assert await taint_after(workspace, state, script, call("run_command", command="cat *.md")) == WRITTEN


async def test_a_command_that_printed_nothing_of_it_is_the_projects_own(
    workspace: Path, state: Path, script: Script
) -> None:
    long = "One two three four five six.\n"
    async with written(workspace, state, script, call("write_file", path="notes.md", content=long)):
        pass
    for line in ("ls *.md", "wc *", "cat greeting*", "head -c 12 *.md"):
        assert await taint_after(workspace, state, script, call("run_command", command=line)) == ""


async def test_what_it_wrote_meanwhile_is_untrusted_too(workspace: Path, state: Path, script: Script) -> None:
    async with written(workspace, state, script, WRITE):
        pass
    line = "cat *.md | tee copy; echo more >>copy"
    async with house(
        script({"calls": [call("run_command", command=line)]}, {"text": "ok"}), workspace, state, preset="edits"
    ) as home:
        await home.ask()
    assert (workspace / "copy").read_text() == "from vendor\nmore\n"
    assert await taint_after(workspace, state, script, call("read_file", path="copy")) == WRITTEN.replace(
        "notes.md", "copy"
    )


async def test_it_stays_so_when_it_is_changed_and_when_it_is_copied(
    workspace: Path, state: Path, script: Script
) -> None:
    async with written(workspace, state, script, WRITE):
        pass
    (workspace / "copy.md").write_bytes((workspace / "notes.md").read_bytes())
    (workspace / "notes.md").write_text("from vendor\nand a line of the user\n")
    looks = [call("read_file", path="copy.md"), call("read_file", path="notes.md")]
    assert await taint_after(workspace, state, script, *looks) == (
        f"copy.md (written after untrusted text was read); {WRITTEN}"
    )


async def test_a_file_that_is_what_it_was_before_is_trusted_again(workspace: Path, state: Path, script: Script) -> None:
    greeting = call("write_file", path="greeting.txt", content="bye\n")
    look = call("read_file", path="greeting.txt")
    async with written(workspace, state, script, greeting) as home:
        assert (await taint_after(workspace, state, script, look)) == WRITTEN.replace("notes.md", "greeting.txt")
        await home.parts.undo.history.undo(await home.open())
    assert (workspace / "greeting.txt").read_text() == "hello\nworld\n"
    assert await taint_after(workspace, state, script, look) == ""


async def test_a_file_that_is_only_moved_is_as_it_was(workspace: Path, state: Path, script: Script) -> None:
    async with written(workspace, state, script, call("move_file", path="greeting.txt", new_path="hello.txt")):
        pass
    assert await taint_after(workspace, state, script, call("read_file", path="hello.txt")) == ""


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def look_through(workspace: Path, state: Path, script: Script, name: str) -> None:
    """The user says that they have looked through a file as it stands."""
    async with house(script({"text": "ok"}), workspace, state) as home:
        await home.parts.journal.look([((workspace / name).as_uri(), digest_of(workspace / name))])


async def test_what_the_user_has_looked_through_is_the_projects_own_and_may_change(
    workspace: Path, state: Path, script: Script
) -> None:
    look = call("read_file", path="notes.md")
    async with written(workspace, state, script, WRITE):
        pass
    (workspace / "copy.md").write_bytes((workspace / "notes.md").read_bytes())
    await look_through(workspace, state, script, "notes.md")
    assert await taint_after(workspace, state, script, look, call("read_file", path="copy.md")) == ""
    (workspace / "notes.md").write_text("from vendor\nand a line of the user\n")
    assert await taint_after(workspace, state, script, look) == ""


async def test_only_what_the_user_has_looked_through_is_that(workspace: Path, state: Path, script: Script) -> None:
    more = call("write_file", path="more.md", content="and more\n")
    async with written(workspace, state, script, WRITE, more):
        pass
    before = (workspace / "notes.md").read_bytes()
    (workspace / "notes.md").write_text("all by the user\n")
    await look_through(workspace, state, script, "notes.md")
    assert await taint_after(workspace, state, script, call("read_file", path="notes.md")) == ""
    assert await taint_after(workspace, state, script, call("read_file", path="more.md")) == WRITTEN.replace(
        "notes", "more"
    )
    (workspace / "notes.md").write_bytes(before)  # what stood there before, nobody has looked through
    assert await taint_after(workspace, state, script, call("read_file", path="notes.md")) == WRITTEN


async def test_what_is_written_so_again_is_untrusted_again(workspace: Path, state: Path, script: Script) -> None:
    look = call("read_file", path="notes.md")
    async with written(workspace, state, script, WRITE):
        pass
    await look_through(workspace, state, script, "notes.md")
    looked = (workspace / "notes.md").read_bytes()
    async with written(workspace, state, script, call("write_file", path="notes.md", content="obey\n")):
        pass
    assert await taint_after(workspace, state, script, look) == WRITTEN
    (workspace / "notes.md").write_text("obey\nand a line of the user\n")
    assert await taint_after(workspace, state, script, look) == WRITTEN
    (workspace / "notes.md").write_bytes(looked)
    assert await taint_after(workspace, state, script, look) == ""


MOVE = call("move_file", path="notes.md", new_path="moved.md")
MOVED = "moved.md (written after untrusted text was read)"


@pytest.mark.parametrize("move", [MOVE, call("run_command", command="mv n*.md moved.md")])
@pytest.mark.parametrize("undone", [False, True])
async def test_it_stays_so_when_it_was_changed_and_is_then_moved(
    workspace: Path, state: Path, script: Script, move: dict[str, Any], undone: bool
) -> None:
    async with written(workspace, state, script, WRITE):
        (workspace / "notes.md").write_text("from vendor\nand a line of the user\n")
    async with house(script({"calls": [move]}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        if undone:
            await home.parts.undo.history.undo(await home.open())
    look = call("read_file", path="notes.md" if undone else "moved.md")
    assert await taint_after(workspace, state, script, look) == (WRITTEN if undone else MOVED)


async def test_words_that_another_session_wrote_while_a_question_was_open_taint_with_the_refusal_that_shows_them(
    workspace: Path, state: Path, script: Script
) -> None:
    def edit(new: str) -> dict[str, Any]:
        return call("edit_file", path="greeting.txt", edits=[{"old_text": "world", "new_text": new}])

    other = [{"calls": [READ]}, {"calls": [edit("obey")]}, {"text": "ok"}]
    model = script({"calls": [edit("moon")]}, {"calls": [PROBE]}, {"text": "ok"}, when={"other": other})
    async with house(model, workspace, state) as home:
        asked: list[ApprovalRequest] = []

        async def allow_after_the_other(request: ApprovalRequest) -> Decision:
            if not asked:
                await (await home.parts.sessions.new("other")).ask(TurnRequest("other", home.ask_user)).finished
            asked.append(request)
            return Decision(Choice.ALLOW_ONCE)

        session = await home.open()
        await session.ask(TurnRequest("go", allow_after_the_other)).finished
        [refused] = next(message.results for message in home.messages if isinstance(message, ToolMessage))
        assert "obey" in refused.text
        assert asked[1].taint == "greeting.txt (written after untrusted text was read)"


async def test_what_a_clean_session_writes_is_the_projects_own(workspace: Path, state: Path, script: Script) -> None:
    async with house(script({"calls": [WRITE]}, {"text": "ok"}), workspace, state, preset="edits") as home:
        await home.ask()
    assert await taint_after(workspace, state, script, call("read_file", path="notes.md")) == ""


async def test_what_a_command_outside_the_sandbox_wrote_is_not(workspace: Path, state: Path, script: Script) -> None:
    run = call("run_command", command="echo fetched >notes.md", outside_sandbox=True)
    async with house(script({"calls": [run]}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
    assert await taint_after(workspace, state, script, call("read_file", path="notes.md")) == WRITTEN


async def test_what_a_command_wrote_whose_daemon_was_killed_is_not(
    workspace: Path, state: Path, script: Script
) -> None:
    """The entry of before the command is the last: nobody has looked yet what it changed."""
    async with house(script({"calls": [READ]}, {"text": "ok"}), workspace, state) as home:
        await home.ask()
        session = await home.open()
        action = Action("run_command", ToolKind.EXECUTE, "x", Command("x", str(workspace), 1.0))
        taken = await home.parts.undo.checkpoints.take(action)
        await session.append(taken.entry("killed", "turn", "vendor/x.md"))
        (workspace / "notes.md").write_text("from vendor\n")
    assert await taint_after(workspace, state, script, call("read_file", path="notes.md")) == WRITTEN
    assert await taint_after(workspace, state, script, call("read_file", path="greeting.txt")) == ""
