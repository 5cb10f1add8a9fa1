"""A turn, from the prompt to its stop reason, with a scripted model and a real workspace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import Choice, Decision, ToolKind
from agent_lsp.conversation.events import TextDelta, ToolCallFinished, TurnFinished
from agent_lsp.conversation.messages import (
    AssistantMessage,
    Notice,
    ResultStatus,
    StopReason,
    ToolMessage,
    Usage,
    UserMessage,
)
from agent_lsp.session import SessionError, TurnRequest
from agent_lsp.tools import Arguments, ReadingTool, Toolbox, ToolContext
from agent_lsp.tools.read import read_file
from tests.conftest import call
from tests.house import allow, house, reject

Script = Callable[..., str]


def results(messages: tuple[object, ...]) -> list[tuple[str, str]]:
    return [
        (result.status.value, result.shown)
        for message in messages
        if isinstance(message, ToolMessage)
        for result in message.results
    ]


async def test_a_turn_reads_asks_changes_and_says_what_it_did(workspace: Path, state: Path, script: Script) -> None:
    edit = {"old_text": "world", "new_text": "moon"}
    model = script(
        {"text": "Let me look.", "calls": [call("read_file", path="greeting.txt")]},
        {"calls": [call("edit_file", path="greeting.txt", edits=[edit])], "usage": {"input_tokens": 10}},
        {"text": "Done.", "usage": {"input_tokens": 20, "output_tokens": 5}},
    )
    async with house(model, workspace, state) as home:
        done = await home.ask("say moon")
        assert (done.ending.stop_reason, done.ending.text) == (StopReason.END_TURN, "Done.")
        assert done.usage == Usage(input_tokens=30, output_tokens=5, tool_calls=2, steps=3)
        assert (workspace / "greeting.txt").read_text() == "hello\nmoon\n"
        assert results(home.messages) == [
            ("done", "1\thello\n2\tworld\n"),
            ("done", "Edit greeting.txt: done, on disk."),
        ]
        assert home.kinds() == [
            "TurnStarted",
            *["TextDelta"] * 5,
            "UsageUpdated",
            "ToolCallStarted",
            "ToolCallFinished",
            "UsageUpdated",
            "ToolCallStarted",
            "ApprovalRequested",
            "ApprovalDecided",
            "ToolCallFinished",
            "TextDelta",
            "UsageUpdated",
            "TurnFinished",
        ]


async def test_what_a_command_changed_is_told_before_the_next_step_and_the_agents_own_edits_are_not(
    workspace: Path, state: Path, script: Script
) -> None:
    edit = {"old_text": "world", "new_text": "moon"}
    model = script(
        {"calls": [call("read_file", path="greeting.txt")]},
        {"calls": [call("edit_file", path="greeting.txt", edits=[edit])]},
        {"calls": [call("run_command", command="echo more >> greeting.txt")]},
        {"calls": [call("write_file", path="greeting.txt", content="mine\n")]},
        {"text": "Done."},
    )
    async with house(model, workspace, state) as home:
        assert (await home.ask()).ending.stop_reason is StopReason.END_TURN
        assert [message for message in home.messages if isinstance(message, Notice)] == [home.messages[7]]
        assert home.messages[7] == Notice(
            "changed by the user or a program since you last saw it: greeting.txt (changed in line 3)."
            " Read again what you still need."
        )
        assert "What changed:" in results(home.messages)[3][1]
        assert (workspace / "greeting.txt").read_text() == "hello\nmoon\nmore\n"


async def test_a_rejected_call_changes_nothing_and_the_model_is_told_why(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"calls": [call("write_file", path="new.txt", content="x")]}, {"text": "Sorry."})
    async with house(model, workspace, state) as home:
        home.answer = reject
        done = await home.ask()
        assert done.ending.stop_reason is StopReason.END_TURN
        assert not (workspace / "new.txt").exists()
        assert results(home.messages) == [("rejected", "Not done: the user rejected it. They said: not like this")]


async def test_nobody_answering_is_told_apart_from_a_no(workspace: Path, state: Path, script: Script) -> None:
    model = script({"calls": [call("delete_file", path="greeting.txt")]}, {"text": "Hm."})
    async with house(model, workspace, state, approvalTimeoutSeconds=0.05) as home:
        home.answer = lambda _: None
        await home.ask()
        assert (workspace / "greeting.txt").exists()
        [(status, text)] = results(home.messages)
        assert status == "rejected"
        assert "nobody answered" in text


async def test_waiting_for_the_user_does_not_count_as_working_time(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"calls": [call("delete_file", path="greeting.txt")]}, {"text": "Hm."})
    async with house(model, workspace, state, approvalTimeoutSeconds=0.3, maxSeconds=0.25) as home:
        home.answer = lambda _: None
        assert (await home.ask()).ending.stop_reason is StopReason.END_TURN


async def test_only_the_hunks_that_were_allowed_are_made(workspace: Path, state: Path, script: Script) -> None:
    (workspace / "greeting.txt").write_text("".join(f"{n}\n" for n in range(20)))
    edits = [{"old_text": "3\n4", "new_text": "three\n4"}, {"old_text": "16\n", "new_text": "sixteen\n"}]
    model = script({"calls": [call("edit_file", path="greeting.txt", edits=edits)]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        home.answer = lambda _: Decision(Choice.ALLOW_ONCE, hunks=("2",))
        await home.ask()
        text = (workspace / "greeting.txt").read_text()
        assert ("three" in text, "sixteen" in text) == (False, True)
        assert "allowed 1 of 2 hunks" in results(home.messages)[0][1]


async def test_a_yes_for_the_session_covers_the_tool_and_no_other(workspace: Path, state: Path, script: Script) -> None:
    model = script(
        {"calls": [call("write_file", path="a", content="1"), call("write_file", path="b", content="2")]},
        {"calls": [call("run_command", command="make"), call("run_command", command="make")]},
        {"calls": [call("run_command", command="make;make")]},
        {"text": "ok"},
    )
    async with house(model, workspace, state) as home:
        home.answer = lambda _: Decision(Choice.ALLOW_SESSION)
        await home.ask()
        assert [request.action.title for request in home.asked] == ["Create a", "Run make", "Run make;make"]


async def test_in_the_preset_plan_nothing_is_changed_or_asked(workspace: Path, state: Path, script: Script) -> None:
    model = script({"calls": [call("write_file", path="a", content="1")]}, {"text": "ok"})
    async with house(model, workspace, state, preset="plan") as home:
        await home.ask()
        assert home.asked == []
        assert not (workspace / "a").exists()
        assert "'plan'" in results(home.messages)[0][1]


async def test_a_preset_that_needs_a_sandbox_is_refused_with_that_reason(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "no"}), workspace, state, preset="auto", sandboxImage="no/such") as home:
        done = await home.ask()
        assert (done.ending.stop_reason, done.ending.error_kind) == (StopReason.FAILED, "settings")
        assert "sandbox" in done.ending.error


async def test_edits_pass_in_their_preset_but_for_protected_files_and_all_else_asks(
    workspace: Path, state: Path, script: Script
) -> None:
    write = [call("write_file", path=path, content="x") for path in ("new.txt", ".vscode/settings.json")]
    calls = [*write, call("run_command", command="make"), call("delete_file", path="greeting.txt")]
    async with house(script({"calls": calls}, {"text": "ok"}), workspace, state, preset="edits") as home:
        home.answer = reject
        await home.ask()
        assert (workspace / "new.txt").read_text() == "x"
        assert not (workspace / ".vscode").exists()
        assert [(asked.action.tool, asked.reason) for asked in home.asked] == [
            ("write_file", f"{workspace}/.vscode/settings.json is protected: an editor follows it"),
            ("run_command", "the preset 'edits' asks before everything but edits in the workspace"),
            ("delete_file", "the preset 'edits' asks before everything but edits in the workspace"),
        ]


async def test_a_blocked_command_is_refused_and_never_put_to_the_user(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"calls": [call("run_command", command="sudo rm -rf /")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        assert home.asked == []
        assert "never run" in results(home.messages)[0][1]


async def test_wrong_calls_are_told_what_is_right(workspace: Path, state: Path, script: Script) -> None:
    model = script(
        {
            "calls": [
                call("reed", path="x"),
                call("read_file", pth="x"),
                {"tool": "read_file", "arguments": "{broken"},
                call("read_file", path="greting.txt"),
                call("read_file", path="../../etc/passwd"),
            ]
        },
        {"text": "ok"},
    )
    async with house(model, workspace, state) as home:
        await home.ask()
        told = results(home.messages)
        assert [status for status, _ in told] == ["failed"] * 5
        assert told[0][1].startswith("no tool 'reed'; tools are: read_file, list_files")
        assert "it takes: path, start_line, end_line" in told[1][1]
        assert told[3][1] == "not found: 'greting.txt'. Nearest: greeting.txt."
        assert "outside the workspace" in told[4][1]


async def test_neighbouring_reads_run_side_by_side_and_results_keep_the_order(
    workspace: Path, state: Path, script: Script
) -> None:
    paths = [f"f{n}.txt" for n in range(12)]
    for path in paths:
        (workspace / path).write_text(path)
    model = script({"calls": [call("read_file", path=path) for path in paths]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        await home.ask()
        assert [text for _, text in results(home.messages)] == [f"1\t{path}\n" for path in paths]
        first = home.kinds().index("ToolCallStarted")
        assert home.kinds()[first : first + 8] == ["ToolCallStarted"] * 8


async def test_cancelling_in_mid_answer_keeps_what_was_said_and_writes_nothing_more(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"text": "one two three four five", "delay_ms": 50})
    async with house(model, workspace, state) as home:
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        while not any(isinstance(event, TextDelta) for event in home.events):
            await asyncio.sleep(0)
        assert session.cancel() == (asked.turn_id,)
        done = await asked.finished
        assert done.ending.stop_reason is StopReason.CANCELLED
        assert isinstance(home.messages[-1], AssistantMessage)
        assert home.messages[-1].text.startswith("one")
        again = await home.ask("more")
        assert again.ending.stop_reason is StopReason.END_TURN


async def test_cancelling_while_the_user_is_asked_leaves_a_legal_history(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"calls": [call("read_file", path="greeting.txt"), call("delete_file", path="greeting.txt")]})
    async with house(model, workspace, state) as home:
        home.answer = lambda _: None
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        while not session.approvals.pending:
            await asyncio.sleep(0)
        session.cancel()
        assert (await asked.finished).ending.stop_reason is StopReason.CANCELLED
        assert results(home.messages)[1] == ("cancelled", "Cancelled: it was not done.")
        assert [status for status, _ in results(home.messages)] == ["done", "cancelled"]
        assert home.kinds()[-3:] == ["ApprovalDecided", "ToolCallFinished", "TurnFinished"]
        assert (workspace / "greeting.txt").exists()


async def test_only_a_call_that_began_is_told_to_be_looked_after_when_it_is_cancelled(
    workspace: Path, state: Path, script: Script
) -> None:
    calls = [call("run_command", command="touch began; sleep 60"), call("delete_file", path="greeting.txt")]
    async with house(script({"calls": calls}), workspace, state) as home:
        home.answer = allow
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        while not (workspace / "began").exists():
            await asyncio.sleep(0.01)
        session.cancel()
        await asked.finished
        assert results(home.messages) == [
            ("cancelled", "Cancelled before its end. If it changes anything, look before you repeat it."),
            ("cancelled", "Cancelled: it was not done."),
        ]


async def test_a_read_that_was_done_keeps_its_result_when_its_neighbour_is_cancelled(
    workspace: Path, state: Path, script: Script
) -> None:
    async def forever(_: Arguments, __: ToolContext) -> str:
        await asyncio.Event().wait()
        return ""

    wait = ReadingTool("wait", ToolKind.READ, "Waits.", Arguments, lambda _: "Wait", forever, "")
    async with house(
        script({"calls": [call("read_file", path="greeting.txt"), call("wait")]}), workspace, state
    ) as home:
        home.parts.turns.toolbox = Toolbox((read_file, wait))
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        while not any(isinstance(event, ToolCallFinished) for event in home.events):
            await asyncio.sleep(0.01)
        session.cancel()
        await asked.finished
        assert results(home.messages) == [
            ("done", "1\thello\n2\tworld\n"),
            ("cancelled", "Cancelled: it was not done."),
        ]


async def test_a_turn_cancelled_before_its_first_step_is_finished_too(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "hi"}), workspace, state) as home:
        session = await home.open()
        asked = session.ask(TurnRequest("go", home.ask_user))
        session.cancel()
        assert (await asked.finished).ending.stop_reason is StopReason.CANCELLED
        assert (await home.ask("again")).ending.stop_reason is StopReason.END_TURN


async def test_rejecting_with_stop_ends_the_turn(workspace: Path, state: Path, script: Script) -> None:
    model = script({"calls": [call("delete_file", path="greeting.txt"), call("read_file", path="greeting.txt")]})
    async with house(model, workspace, state) as home:
        home.answer = lambda _: Decision(Choice.REJECT, stop=True)
        done = await home.ask()
        assert done.ending.stop_reason is StopReason.CANCELLED
        assert [status for status, _ in results(home.messages)] == ["rejected", "cancelled"]


async def test_a_prompt_to_a_running_turn_joins_it_before_its_next_step(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"text": "slow answer", "delay_ms": 30}, when={"also": [{"text": "both"}]})
    async with house(model, workspace, state) as home:
        session = await home.open()
        first = session.ask(TurnRequest("go", home.ask_user))
        while not home.events:
            await asyncio.sleep(0)
        second = session.ask(TurnRequest("also this", home.ask_user))
        assert (second.joined, second.turn_id) == (True, first.turn_id)
        assert (await first.finished).ending.text == "both"
        assert [message.text for message in home.messages if isinstance(message, UserMessage)] == ["go", "also this"]


async def test_a_queued_prompt_runs_as_a_turn_of_its_own(workspace: Path, state: Path, script: Script) -> None:
    async with house(script({"text": "slow answer", "delay_ms": 10}), workspace, state) as home:
        session = await home.open()
        first = session.ask(TurnRequest("one", home.ask_user))
        second = session.ask(TurnRequest("two", home.ask_user, queue=True))
        assert not second.joined
        assert second.turn_id != first.turn_id
        assert (await second.finished).ending.stop_reason is StopReason.END_TURN
        assert home.kinds().count("TurnFinished") == 2


async def test_an_empty_prompt_is_refused(workspace: Path, state: Path, script: Script) -> None:
    async with house(script({"text": "hi"}), workspace, state) as home:
        with pytest.raises(SessionError, match="prompt is empty"):
            await home.agent.ask(TurnRequest(" \n", home.ask_user))
        assert await home.agent.sessions() == ()


@pytest.mark.parametrize(
    ("limit", "steps", "words"),
    [
        ({"maxSteps": 2}, [{"calls": [call("list_files")]}] * 3, "maxSteps is 2"),
        ({"maxToolCalls": 1}, [{"calls": [call("list_files"), call("list_files")]}], "maxToolCalls is 1"),
        ({"maxTokens": 3000}, [{"text": "never sent"}], "of maxTokens, 3,000"),
        ({"maxSeconds": 0.1}, [{"text": "a b c d e f g", "delay_ms": 50}], "maxSeconds, 0.1 s"),
    ],
)
async def test_a_limit_ends_the_turn_and_says_which(
    workspace: Path, state: Path, script: Script, limit: dict[str, float], steps: list[dict[str, object]], words: str
) -> None:
    async with house(script(*steps), workspace, state, **limit) as home:
        done = await home.ask()
        assert done.ending.stop_reason is StopReason.BUDGET_SPENT
        assert words in done.ending.error


async def test_a_result_is_cut_to_its_limit_and_says_how_to_see_the_rest(
    workspace: Path, state: Path, script: Script
) -> None:
    (workspace / "long.txt").write_text("".join(f"line {n}\n" for n in range(10_000)))
    model = script({"calls": [call("read_file", path="long.txt")]}, {"text": "ok"})
    async with house(model, workspace, state, maxResultCharacters=5_000) as home:
        await home.ask()
        [(_, text)] = results(home.messages)
        assert len(text) < 5_200
        assert text.startswith("1\tline 0\n")
        assert text.endswith("10000\tline 9999\n")
        assert "Read the rest with start_line and end_line" in text


async def test_a_prompt_that_does_not_fit_the_window_is_refused_with_the_figures(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"text": "hi"}, context_window=8_000), workspace, state) as home:
        done = await home.ask("word " * 10_000)
        assert done.ending.error_kind == "context_too_long"
        assert "8,000" in done.ending.error


async def test_a_long_path_gives_up_its_oldest_results_first(workspace: Path, state: Path, script: Script) -> None:
    (workspace / "big.txt").write_text("word " * 1_500)
    steps = [{"calls": [call("read_file", path="big.txt")]}] * 12
    model = script(*steps, {"text": "ok"}, context_window=12_000)
    async with house(model, workspace, state) as home:
        assert (await home.ask()).ending.text == "ok"


async def test_a_bug_in_a_tool_is_one_line_for_the_user_and_a_traceback_in_the_log(
    workspace: Path, state: Path, script: Script
) -> None:
    async with house(script({"calls": [call("read_file", path="greeting.txt")]}), workspace, state) as home:
        home.parts.workspace.files.roots = None  # type: ignore[assignment]  # as a bug would have it
        done = await home.ask()
        assert (done.ending.stop_reason, done.ending.error_kind) == (StopReason.FAILED, "internal")
        assert "Traceback" not in done.ending.error
    log = [json.loads(line) for line in (state / "log.jsonl").read_text().splitlines()]
    assert any("Traceback" in line["data"].get("traceback", "") for line in log)


async def test_the_log_holds_no_prompt_no_answer_and_no_file(workspace: Path, state: Path, script: Script) -> None:
    (workspace / "greeting.txt").write_text("SECRETFILE")
    steps = [{"text": "SECRETANSWER", "calls": [call("read_file", path="greeting.txt")]}, {"text": "SECRETANSWER"}]
    async with house(script(*steps), workspace, state) as home:
        await home.ask("SECRETPROMPT")
    log = (state / "log.jsonl").read_text()
    assert "SECRET" not in log
    first = json.loads(log.splitlines()[0])
    assert set(first) == {"timestamp", "conversation_id", "event", "data"}
    assert first["timestamp"].endswith("Z")
    assert (state / "log.jsonl").stat().st_mode & 0o777 == 0o600


async def test_every_call_that_started_has_its_finish(workspace: Path, state: Path, script: Script) -> None:
    model = script({"calls": [call("read_file", path="greeting.txt"), call("nonsense")]}, {"text": "ok"})
    async with house(model, workspace, state) as home:
        home.answer = allow
        await home.ask()
        finished = [event.status for event in home.events if isinstance(event, ToolCallFinished)]
        assert sorted(finished) == [ResultStatus.DONE, ResultStatus.FAILED]
        assert home.kinds().count("ToolCallStarted") == 2
        assert isinstance(home.events[-1], TurnFinished)


async def test_results_of_one_step_that_outgrow_the_window_are_shortened_together(
    workspace: Path, state: Path, script: Script
) -> None:
    (workspace / "big.txt").write_text("word " * 20_000)
    model = script({"calls": [call("read_file", path="big.txt")] * 8}, {"text": "ok"}, context_window=16_000)
    async with house(model, workspace, state) as home:
        assert (await home.ask()).ending.text == "ok"


async def test_an_allow_with_stop_performs_the_call_and_ends_the_turn(
    workspace: Path, state: Path, script: Script
) -> None:
    model = script({"calls": [call("write_file", path="a", content="1")]}, {"text": "never"})
    async with house(model, workspace, state) as home:
        home.answer = lambda _: Decision(Choice.ALLOW_ONCE, stop=True)
        assert (await home.ask()).ending.stop_reason is StopReason.CANCELLED
        assert (workspace / "a").read_text() == "1"
