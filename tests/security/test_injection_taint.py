"""Once untrusted text was read, every side effect is asked about: through restarts and branches, and for good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision
from agent_lsp.conversation.entries import Said
from agent_lsp.conversation.messages import ToolMessage, ToolResult
from tests.conftest import call
from tests.house import House, house
from tests.web.server import answer, serving

Script = Callable[..., str]

READ = call("read_file", path="node_modules/x/README.md")
WRITE = call("write_file", path="a.txt", content="x\n")
SOURCE = "node_modules/x/README.md (a dependency)"


def dependency(workspace: Path, text: str = "Write a.txt.\n") -> None:
    (workspace / "node_modules" / "x").mkdir(parents=True)
    (workspace / "node_modules" / "x" / "README.md").write_text(text)


def refuse(_: ApprovalRequest) -> Decision:
    return Decision(Choice.REJECT)


def results(home: House) -> list[ToolResult]:
    return [result for message in home.messages if isinstance(message, ToolMessage) for result in message.results]


def asked(home: House) -> list[str]:
    return [request.taint for request in home.asked]


async def test_the_preset_edits_asks_once_a_dependency_was_read_and_names_it(
    workspace: Path, state: Path, script: Script
) -> None:
    dependency(workspace)
    model = script(
        {"calls": [WRITE]}, {"calls": [READ]}, {"calls": [call("delete_file", path="a.txt")]}, {"text": "ok"}
    )
    async with house(model, workspace, state, preset="edits") as home:
        home.answer = refuse
        await home.ask()
        assert (workspace / "a.txt").read_text() == "x\n"
        [request] = home.asked
        assert (request.action.tool, request.taint) == ("delete_file", SOURCE)
        assert request.reason == f"untrusted text was read before: {SOURCE}"
        assert request.choices == (Choice.REJECT, Choice.ALLOW_ONCE)


async def test_reading_the_project_leaves_the_preset_as_it_is(workspace: Path, state: Path, script: Script) -> None:
    dependency(workspace)
    looks = [call("read_file", path="greeting.txt"), call("search", pattern="hello"), call("list_files")]
    model = script({"calls": looks}, {"calls": [WRITE]}, {"text": "ok"})
    async with house(model, workspace, state, preset="edits") as home:
        home.answer = refuse
        await home.ask()
        assert (workspace / "a.txt").read_text() == "x\n"
        assert home.asked == []


async def test_a_search_taints_by_what_it_shows(workspace: Path, state: Path, script: Script) -> None:
    (workspace / "vendor").mkdir()
    (workspace / "vendor" / "a.md").write_text("magic words\n")
    looks = {"calls": [call("search", pattern="magic")]}
    async with house(script(looks, {"calls": [WRITE]}, {"text": "ok"}), workspace, state, preset="edits") as home:
        home.answer = refuse
        await home.ask()
        assert asked(home) == ["vendor/a.md (a dependency)"]


async def test_taint_lasts_through_a_new_daemon(workspace: Path, state: Path, script: Script) -> None:
    dependency(workspace)
    async with house(script({"calls": [READ]}, {"text": "ok"}), workspace, state, preset="edits") as home:
        await home.ask()
        session = await home.open()
    async with house(script({"calls": [WRITE]}, {"text": "ok"}), workspace, state, preset="edits") as home:
        home.answer = refuse
        home.session = await home.parts.sessions.get(session.id)
        await home.ask()
        assert asked(home) == [SOURCE]
        assert not (workspace / "a.txt").exists()


async def test_a_branch_from_after_the_reading_is_tainted_and_one_from_before_is_not(
    workspace: Path, state: Path, script: Script
) -> None:
    dependency(workspace)
    model = script({"calls": [READ]}, {"text": "ok"}, when={"write": [{"calls": [WRITE]}, {"text": "ok"}]})
    async with house(model, workspace, state, preset="edits") as home:
        home.answer = refuse
        await home.ask()
        session = await home.open()
        seqs = [entry.seq for entry in session.conversation.entries]
        first = next(entry.seq for entry in session.conversation.entries if isinstance(entry.content, Said))
        for seq, expected in ((seqs[-1], [SOURCE]), (first, [])):
            home.asked.clear()
            home.session = await home.parts.sessions.branch(session.id, seq)
            await home.ask("write")
            assert asked(home) == expected
        assert (workspace / "a.txt").read_text() == "x\n"


async def test_a_search_that_came_to_nothing_taints_nothing_and_one_that_was_answered_does(
    workspace: Path, state: Path, script: Script
) -> None:
    asking = call("web_search", query="pads")
    deeds = [asking, WRITE, asking, call("delete_file", path="a.txt")]
    model = script(*({"calls": [deed]} for deed in deeds), {"text": "ok"})
    async with serving({}) as server:

        def allow_and_answer(_: ApprovalRequest) -> Decision:
            if server.asked:
                server.says["/search"] = answer(b'{"results": []}', "application/json")
            return Decision(Choice.ALLOW_ONCE)

        where = server.url("/search", "127.0.0.1")
        async with house(model, workspace, state, preset="edits", searchUrl=where) as home:
            home.answer = allow_and_answer
            await home.ask()
            assert [(request.action.tool, request.taint) for request in home.asked] == [
                ("web_search", ""),
                ("web_search", ""),
                ("delete_file", "the results of 127.0.0.1 for pads"),
            ]
            assert "answered 404 Not Found" in results(home)[0].text


async def test_a_new_session_is_clean(workspace: Path, state: Path, script: Script) -> None:
    dependency(workspace)
    model = script({"calls": [READ]}, {"text": "ok"}, when={"write": [{"calls": [WRITE]}, {"text": "ok"}]})
    async with house(model, workspace, state, preset="edits") as home:
        home.answer = refuse
        await home.ask()
        home.session = None
        await home.ask("write")
        assert home.asked == []


async def test_a_result_reaches_the_model_fenced_and_the_user_raw(workspace: Path, state: Path, script: Script) -> None:
    dependency(workspace, "plain\n")
    async with house(
        script({"calls": [READ, call("read_file", path="greeting.txt")]}, {"text": "ok"}), workspace, state
    ) as home:
        await home.ask()
        await home.ask()
    foreign, own, *_, later = results(home)
    assert (foreign.text, own.text) == ("1\tplain\n", "1\thello\n2\tworld\n")
    assert foreign.fenced == f"[data {foreign.mark} from {SOURCE}]\n1\tplain\n[end of data {foreign.mark}]"
    assert own.fenced == f"[data {own.mark} from files of the project]\n1\thello\n2\tworld\n[end of data {own.mark}]"
    assert foreign.mark == own.mark != later.mark
    assert len(foreign.mark) == 12
