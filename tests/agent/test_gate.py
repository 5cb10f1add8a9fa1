"""A yes is for what was shown: what has become something else meanwhile is not done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from agent_lsp.agent import Turn
from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision
from agent_lsp.conversation.messages import ToolMessage
from agent_lsp.session import TurnContext, TurnRequest
from tests.conftest import call
from tests.house import House, allow, house

Script = Callable[..., str]


def results(home: House) -> list[str]:
    return [result.text for message in home.messages if isinstance(message, ToolMessage) for result in message.results]


async def test_a_folder_that_becomes_a_link_between_yes_and_deed_is_not_written_through(
    workspace: Path, state: Path, script: Script
) -> None:
    (workspace / "notes").mkdir()
    (workspace / ".git" / "hooks").mkdir(parents=True)

    def swap(request: ApprovalRequest) -> Decision:
        (workspace / "notes").rmdir()
        (workspace / "notes").symlink_to(".git/hooks")
        return allow(request)

    model = script({"calls": [call("write_file", path="notes/pre-commit", content="x")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        home.answer = swap
        await home.ask()
        assert results(home) == ["not done: it is no longer what was allowed: where a path leads has changed meanwhile"]
    assert list((workspace / ".git" / "hooks").iterdir()) == []


async def test_the_question_names_where_the_path_leads(workspace: Path, state: Path, script: Script) -> None:
    (workspace / ".git" / "hooks").mkdir(parents=True)
    (workspace / "notes").symlink_to(".git/hooks")
    model = script({"calls": [call("write_file", path="notes/pre-commit", content="x")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        [asked] = home.asked
        assert asked.reason == f"{workspace}/.git/hooks/pre-commit is protected: git runs what it names"
        assert asked.choices == (Choice.REJECT, Choice.ALLOW_ONCE)
        assert (workspace / ".git" / "hooks" / "pre-commit").read_text() == "x"


async def test_a_yes_for_good_is_asked_about_no_more_in_a_later_daemon(
    workspace: Path, state: Path, script: Script
) -> None:
    def always(request: ApprovalRequest) -> Decision:
        return Decision(Choice.ALLOW_ALWAYS)

    model = script({"calls": [call("run_command", command="expr 4 + 3")]}, {"text": "ok"})
    asked = []
    for _ in range(2):
        async with house(model, workspace, state) as home:
            home.answer = always
            await home.ask()
            asked.append(len(home.asked))
            assert results(home) == ["7\n"]
    assert asked == [1, 0]
    assert list(workspace.rglob("*rules*")) == []
    assert (state / "rules").stat().st_mode & 0o777 == 0o600


async def test_a_rule_keeps_a_file_from_being_read_by_whatever_name(
    workspace: Path, state: Path, script: Script
) -> None:
    (workspace / "secret.txt").write_text("the secret\n")
    (workspace / "alias").symlink_to("secret.txt")
    paths = ("secret.txt", "./secret.txt", "SECRET.txt", f"{workspace}/secret.txt", "alias", "greeting.txt")
    model = script({"calls": [call("read_file", path=path) for path in paths]}, {"text": "ok"})
    async with house(model, workspace, state, deny=["read_file(secret.txt)"], ask=["search"]) as home:
        await home.ask()
        told = results(home)
    assert told == [
        *["Not done: the user's rule read_file(secret.txt) keeps it from being read."] * 5,
        "1\thello\n2\tworld\n",
    ]


async def test_a_rule_may_take_a_whole_tool_away(workspace: Path, state: Path, script: Script) -> None:
    calls = [call("search", pattern="hello"), call("list_files")]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state, ask=["search"]) as home:
        await home.ask()
        assert [text.partition("\n")[0] for text in results(home)] == [
            "Not done: the user's rule search keeps it from being read.",
            "greeting.txt",
        ]


async def test_what_was_tainted_is_said_in_the_question(workspace: Path, state: Path, script: Script) -> None:
    model = script({"calls": [call("write_file", path="a", content="x")]}, {"text": "ok"})
    async with house(model, workspace, state, preset="edits") as home:
        sessions, build = home.parts.sessions, home.parts.turns.build

        async def tainted(order: TurnRequest, place: TurnContext) -> Turn:
            turn = await build(order, place)
            return replace(turn, gate=replace(turn.gate, tainted=lambda: "https://example.org"))

        sessions.lifecycle = replace(sessions.lifecycle, build=tainted)
        await home.ask()
        [asked] = home.asked
        assert (asked.taint, asked.reason) == (
            "https://example.org",
            "untrusted text was read before: https://example.org",
        )
