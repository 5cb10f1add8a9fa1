"""Sessions that nobody uses are closed, and nobody notices."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path

from agent_lsp.awareness.change_notices import ChangeNotices
from agent_lsp.awareness.read_tracker import ReadTracker
from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision
from agent_lsp.conversation.messages import UserMessage
from agent_lsp.permissions.policy import Policy
from agent_lsp.session import TurnRequest
from agent_lsp.session.open_sessions import MOST_IDLE
from agent_lsp.session.session import Session
from agent_lsp.undo.content_store import StoreBounds
from tests.conftest import call
from tests.house import House, house
from tests.session.test_history import undo

Script = Callable[..., str]
NO_ROOM = StoreBounds(seconds=0, most_bytes=0)


def allow_for_session(_: ApprovalRequest) -> Decision:
    return Decision(Choice.ALLOW_SESSION)


async def ask_in_a_new_session(home: House, prompt: str = "go") -> str:
    home.session = None
    session = await home.open()
    await home.ask(prompt)
    home.session = None
    return session.id


def writing(script: Script, *names: str) -> str:
    """A model that writes the file which the prompt names."""
    steps = {name: [{"calls": [call("write_file", path=name, content="x")]}, {"text": "ok"}] for name in names}
    return script(when=steps)


async def use_others(home: House, count: int = MOST_IDLE + 1) -> None:
    """Opens so many sessions that those before them are closed."""
    home.session = None
    for _ in range(count):
        await home.parts.sessions.new("another")


def alive(*kinds: type) -> dict[str, int]:
    gc.collect()
    found = [type(thing) for thing in gc.get_objects()]
    return {kind.__name__: found.count(kind) for kind in kinds}


async def test_a_daemon_that_had_a_hundred_sessions_holds_the_few_that_were_used_last(
    workspace: Path, state: Path, script: Script
) -> None:
    steps = [{"calls": [call("read_file", path="greeting.txt")]}, {"text": "ok"}]
    async with house(script(*steps * 100), workspace, state) as home:
        before = alive(Session, Policy, ChangeNotices, ReadTracker)
        ids = [await ask_in_a_new_session(home) for _ in range(100)]
        grown = {
            name: count - before[name] for name, count in alive(Session, Policy, ChangeNotices, ReadTracker).items()
        }
        assert max(grown.values()) <= MOST_IDLE + 2, grown
        assert [session.id for session in home.parts.sessions.all()] == ids[-MOST_IDLE:]
        assert len(await home.agent.sessions()) == 100


async def test_a_session_that_was_closed_goes_on_where_it_stopped(workspace: Path, state: Path, script: Script) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        first = await ask_in_a_new_session(home)
        await use_others(home)
        assert first not in {session.id for session in home.parts.sessions.all()}
        home.session = await home.parts.sessions.get(first)
        await home.ask("more")
        assert [message.text for message in home.messages if isinstance(message, UserMessage)] == ["go", "more"]


async def test_what_was_allowed_for_a_session_holds_however_many_others_are_used(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(writing(script, "one.txt", "two.txt", "three.txt"), workspace, state) as home:
        home.answer = allow_for_session
        allowed = await ask_in_a_new_session(home, "one.txt")
        await use_others(home)
        home.session = await home.parts.sessions.get(allowed)
        await home.ask("two.txt")
        assert len(home.asked) == 1
        await ask_in_a_new_session(home, "three.txt")
        assert len(home.asked) == 2, "what was allowed in one session is asked about in another"


async def test_a_session_that_waits_for_its_user_stays_open(workspace: Path, state: Path, script: Script) -> None:
    model = script({"calls": [call("delete_file", path="greeting.txt")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        home.answer = lambda _: None
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        while not session.approvals.pending:
            await asyncio.sleep(0)
        [request] = session.approvals.pending
        del session
        await use_others(home)
        home.agent.decide(request.id, Decision(Choice.ALLOW_ONCE))
        await asked.finished
        assert not (workspace / "greeting.txt").exists()


async def test_the_last_turns_of_a_session_that_was_closed_can_be_undone_however_old_their_copies(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"calls": [call("write_file", path="greeting.txt", content="new\n")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        closed = await ask_in_a_new_session(home)
        await use_others(home)
        open_now = [session.conversation for session in home.parts.sessions.all()]
        await home.parts.undo.copies.prune(open_now, NO_ROOM)
        home.session = await home.parts.sessions.get(closed)
        await undo(home)
        assert (workspace / "greeting.txt").read_text() == "hello\nworld\n"


async def test_whoever_holds_a_closed_session_holds_the_one_that_others_find(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        held = await home.parts.sessions.new("held")
        await use_others(home)
        assert await home.parts.sessions.get(held.id) is held


async def test_folders_that_change_end_what_was_allowed_for_a_session(
    workspace: Path, state: Path, script: Script, tmp_path: Path
) -> None:
    one, two = str(workspace / "one.txt"), str(workspace / "two.txt")
    async with house(writing(script, one, two), workspace, state) as home:
        home.answer = allow_for_session
        session_id = await ask_in_a_new_session(home, one)
        await use_others(home)
        (tmp_path / "other").mkdir()
        home.agent.change_folders([str(workspace), str(tmp_path / "other")])
        home.session = await home.parts.sessions.get(session_id)
        await home.ask(two)
        assert len(home.asked) == 2
