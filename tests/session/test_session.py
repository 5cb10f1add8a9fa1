"""A live conversation: reopened, continued elsewhere, recovered, watched."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import Choice, Decision
from agent_lsp.conversation.entries import CallBegan, Said, TurnBegan, TurnEnded
from agent_lsp.conversation.events import EventEnvelope, Retrying, TurnFinished, TurnStarted
from agent_lsp.conversation.messages import (
    AssistantMessage,
    ResultStatus,
    StopReason,
    Text,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from agent_lsp.journal.journal import Journal, JournalError
from agent_lsp.session import Asked, SessionError, TurnRequest
from tests.conftest import call
from tests.house import house
from tests.models.provider import HELLO, Provider, Reply

Script = Callable[..., str]


async def test_a_session_goes_on_in_another_process_and_back(workspace: Path, state: Path, script: Script) -> None:
    model = script({"text": "ok"})
    async with house(model, workspace, state) as first, house(model, workspace, state) as second:
        await first.ask("one")
        assert first.session
        second.session = await second.parts.sessions.get(first.session.id)
        await second.ask("two")
        again = await first.parts.sessions.get(first.session.id)
        assert [m.text for m in again.messages if isinstance(m, UserMessage)] == ["one", "two"]
        assert (await first.ask("three")).ending.text == "ok"


async def test_a_turn_whose_session_was_continued_elsewhere_fails_with_that_reason(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        session = await home.open()
        other = Journal(state / "journal.sqlite3")
        await other.append(session.id, None, (TurnEnded("x", StopReason.END_TURN, Usage(), 0),))
        await other.close()
        done = await session.ask(TurnRequest("go", home.ask_user)).finished
        assert (done.ending.error_kind, "continued elsewhere" in done.ending.error) == ("journal", True)


async def test_half_a_surrogate_pair_is_the_id_of_no_session(workspace: Path, state: Path, script: Script) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        with pytest.raises(SessionError, match="no session"):
            await home.agent.undo("\ud800")


async def test_what_a_kill_left_open_gets_its_results_and_its_end(workspace: Path, state: Path, script: Script) -> None:
    calls = (ToolCall("a", "run_command", "{}"), ToolCall("b", "write_file", "{}"))
    left = (
        TurnBegan("turn_1", "m"),
        Said(UserMessage("go")),
        Said(AssistantMessage(calls, "m")),
        CallBegan("a", "digest"),
    )
    journal = Journal(state / "journal.sqlite3")
    await journal.create("session_1", workspace=str(workspace), title="go")
    await journal.append("session_1", None, left)
    await journal.close()
    async with house(script({"text": "ok"}), workspace, state) as home:
        session = await home.parts.sessions.get("session_1")
        results = session.messages[-1]
        assert isinstance(results, ToolMessage)
        assert [result.status for result in results.results] == [ResultStatus.CANCELLED] * 2
        assert "outcome is unknown" in results.results[0].text
        assert "Nothing was done" in results.results[1].text
        assert isinstance(session.conversation.entries[-1].content, TurnEnded)
        home.session = session
        assert (await home.ask("more")).ending.text == "ok"


async def test_a_session_that_runs_elsewhere_is_not_opened(workspace: Path, state: Path, script: Script) -> None:
    journal = Journal(state / "journal.sqlite3")
    await journal.create("session_1", workspace=str(workspace), title="go")
    await journal.append("session_1", None, (TurnBegan("turn_1", "m"), Said(UserMessage("go"))))
    async with house(script({"text": "ok"}), workspace, state) as home:
        with journal.hold("session_1"), pytest.raises(JournalError, match="running in another editor"):
            await home.parts.sessions.get("session_1")
        assert (await home.parts.sessions.get("session_1")).conversation.open_turn is None
    await journal.close()


async def test_two_that_open_a_session_at_once_after_a_kill_both_get_it_closed(
    workspace: Path, state: Path, script: Script
) -> None:
    journal = Journal(state / "journal.sqlite3")
    await journal.create("session_1", workspace=str(workspace), title="go")
    await journal.append("session_1", None, (TurnBegan("turn_1", "m"), Said(UserMessage("go"))))
    await journal.close()
    async with house(script({"text": "ok"}), workspace, state) as home:
        sessions = await asyncio.gather(*(home.parts.sessions.get("session_1") for _ in range(2)))
        assert sessions[0] is sessions[1]
        home.session = sessions[1]
        ended = [entry for entry in sessions[1].conversation.entries if isinstance(entry.content, TurnEnded)]
        assert len(ended) == 1
        assert (await home.ask("more")).ending.text == "ok"


async def test_decisions_must_be_among_those_offered(workspace: Path, state: Path, script: Script) -> None:
    model = script({"calls": [call("write_file", path=".env", content="b")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        home.answer = lambda _: None
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        while not session.approvals.pending:
            await asyncio.sleep(0)
        [request] = session.approvals.pending
        with pytest.raises(SessionError, match="'allow_always' was not offered"):
            home.agent.decide(request.id, Decision(Choice.ALLOW_ALWAYS))
        with pytest.raises(SessionError, match="no hunk '9'"):
            home.agent.decide(request.id, Decision(Choice.ALLOW_ONCE, hunks=("9",)))
        home.agent.decide(request.id, Decision(Choice.ALLOW_ONCE))
        with pytest.raises(SessionError, match="no question"):
            home.agent.decide(request.id, Decision(Choice.ALLOW_ONCE))
        await asked.finished
        assert (workspace / ".env").read_text() == "b"


async def test_a_door_that_fails_is_a_no(workspace: Path, state: Path, script: Script) -> None:
    model = script({"calls": [call("write_file", path="a", content="b")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:

        def broken(_: object) -> Decision:
            raise RuntimeError("the door is stuck")

        home.answer = broken
        await home.ask()
        assert not (workspace / "a").exists()


async def test_a_watcher_that_fails_does_not_stop_the_others(workspace: Path, state: Path, script: Script) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:

        def broken(_: EventEnvelope) -> None:
            raise RuntimeError("cannot see")

        home.agent.watch(broken)
        later: list[EventEnvelope] = []
        home.agent.watch(later.append)
        await home.ask()
        assert later == home.seen


async def test_events_carry_the_number_of_the_last_entry_before_them(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"calls": [call("read_file", path="greeting.txt")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        assert home.session
        numbers = [entry.seq for entry in home.session.conversation.entries]
        assert [seen.seq for seen in home.seen] == sorted(seen.seq for seen in home.seen)
        assert {seen.seq for seen in home.seen} <= set(numbers)
        assert home.seen[-1].seq == numbers[-1]


async def test_a_prompt_that_comes_when_the_turn_is_over_gets_a_turn_of_its_own(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        session = await home.open()
        late: list[Asked] = []

        def at_the_end(seen: EventEnvelope) -> None:
            if isinstance(seen.event, TurnFinished) and not late:
                late.append(session.ask(TurnRequest("late words", home.ask_user)))

        home.agent.watch(at_the_end)
        await home.ask("first")
        assert not late[0].joined
        await late[0].finished
        said = [message.text for message in session.messages if isinstance(message, UserMessage)]
        assert said == ["first", "late words"]
        assert isinstance(session.messages[-1], AssistantMessage)


async def test_words_that_joined_a_turn_that_was_cancelled_stay_in_the_history(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "one two three", "delay_ms": 100}), workspace, state) as home:
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        while not home.events:
            await asyncio.sleep(0)
        session.ask(TurnRequest("and this", home.ask_user))
        session.cancel()
        await asked.finished
        assert [m.text for m in session.messages if isinstance(m, UserMessage)] == ["go", "and this"]


async def test_words_that_joined_a_turn_that_was_cancelled_before_it_began_are_not_said_in_another(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        session = await home.open()
        async with session.alone():
            asked = session.ask(TurnRequest("go", home.ask_user))
            assert session.ask(TurnRequest("and this", home.ask_user)).joined
            await asyncio.sleep(0)
            session.cancel()
            assert (await asked.finished).ending.stop_reason is StopReason.CANCELLED
        assert session.can_be_closed
        await home.ask("another")
        assert [m.text for m in session.messages if isinstance(m, UserMessage)] == ["another"]


async def test_words_that_joined_a_turn_that_could_not_begin_are_asked_in_a_turn_of_their_own(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        session = await home.open()
        (state / "locks").write_text("in the way of a folder")
        first = session.ask(TurnRequest("one", home.ask_user))
        assert session.ask(TurnRequest("two", home.ask_user)).joined
        assert (await first.finished).ending.stop_reason is StopReason.FAILED
        (state / "locks").unlink()
        while session.turn_ids:
            await asyncio.sleep(0)
        assert session.can_be_closed
        assert len([event for event in home.events if isinstance(event, TurnFinished)]) == 2


async def test_random_cancels_always_end_in_a_finished_event_and_a_closed_turn(
    workspace: Path, state: Path, script: Script
) -> None:
    dice = random.Random(7)
    model = script({"text": "a b", "calls": [call("read_file", path="greeting.txt")]}, {"text": "c d"})
    async with house(model, workspace, state) as home:
        session = await home.open()
        for _ in range(60):
            home.seen.clear()
            asked = session.ask(TurnRequest("go", home.ask_user))
            for _ in range(dice.randrange(120)):
                await asyncio.sleep(0)
            session.cancel()
            done = await asked.finished
            assert session.conversation.open_turn is None
            last = session.conversation.entries[-1].content
            assert isinstance(last, TurnEnded)
            if "TurnStarted" in home.kinds():
                assert home.kinds()[-1] == "TurnFinished"
                assert last.stop_reason is done.ending.stop_reason


async def test_what_a_turn_used_that_a_kill_left_open_counts_against_the_sessions_limit(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "ok"}), workspace, state, maxTokensPerSession=500_000) as home:
        await home.ask("one")
        assert home.session
        said = AssistantMessage((Text("much"),), "m", Usage(output_tokens=499_000))
        other = Journal(state / "journal.sqlite3")
        await other.append(home.session.id, home.session.conversation.head, (TurnBegan("x", "m"), Said(said)))
        await other.close()
        home.session = await home.parts.sessions.get(home.session.id)
        done = await home.ask("two")

    assert (done.ending.stop_reason, "maxTokensPerSession" in done.ending.error) == (StopReason.BUDGET_SPENT, True)


async def test_a_turn_that_another_daemon_left_open_is_closed_before_the_next(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        await home.ask("one")
        assert home.session
        head = home.session.conversation.head
        other = Journal(state / "journal.sqlite3")
        calls = (ToolCall("a", "run_command", "{}"),)
        left = (TurnBegan("x", "m"), Said(UserMessage("two")), Said(AssistantMessage(calls, "m")))
        await other.append(home.session.id, head, left)
        await other.close()
        home.session = await home.parts.sessions.get(home.session.id)
        assert (await home.ask("three")).ending.text == "ok"
        kinds = [type(message).__name__ for message in home.messages]
        assert kinds[-4:] == ["AssistantMessage", "ToolMessage", "UserMessage", "AssistantMessage"]


async def test_a_journal_that_fails_at_the_turns_border_ends_the_turn_with_a_line(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "ok"}), workspace, state) as home:
        await home.open()
        (state / "locks").write_text("in the way of a folder")
        done = await asyncio.wait_for(home.ask(), 30)
        assert done.ending.stop_reason is StopReason.FAILED
        (state / "locks").unlink()
        assert (await home.ask()).ending.text == "ok"


async def test_words_that_joined_a_turn_that_failed_are_asked_in_a_turn_of_their_own(
    workspace: Path, state: Path
) -> None:
    broken = Reply((0.3, b"{}"), 400, {"content-type": "application/json"})
    async with (
        Provider(broken, Reply(HELLO)).serving() as provider,
        house("openai-chat:gpt-5-mini", workspace, state, baseUrl=provider.url) as home,
    ):
        session = await home.open()
        first = session.ask(TurnRequest("one", home.ask_user))
        await provider.wait_asked(1)
        assert session.ask(TurnRequest("two", home.ask_user)).joined
        assert (await first.finished).ending.stop_reason is StopReason.FAILED
        while len(ended := [event for event in home.events if isinstance(event, TurnFinished)]) < 2:
            await asyncio.sleep(0.001)

    assert [event.prompt for event in home.events if isinstance(event, TurnStarted)] == ["one", "two"]
    assert (ended[1].text, ended[1].error) == ("Hello", "")


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_a_request_that_was_turned_away_costs_nothing_also_when_its_wait_is_cancelled(
    workspace: Path, state: Path, status: int
) -> None:
    refused = Reply((b"{}",), status, {"content-type": "application/json", "retry-after": "60"})
    async with (
        Provider(refused).serving() as provider,
        house("openai-chat:gpt-5-mini", workspace, state, baseUrl=provider.url) as home,
    ):
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        while not any(isinstance(event, Retrying) for event in home.events):
            await asyncio.sleep(0.001)
        session.cancel()
        done = await asked.finished
        assert (done.ending.stop_reason, done.usage.tokens, done.cost) == (StopReason.CANCELLED, 0, 0.0)
        assert await home.parts.journal.spent_today() == 0
