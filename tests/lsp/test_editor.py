"""The real daemon over LSP, with a client that plays stock editors and their users."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import call
from tests.lsp.conftest import Start
from tests.raw_client import SILENT, Client, Error
from tests.stock_editor import Buffer, answers, ask, results

Script = Callable[..., str]
EDIT = {"path": "greeting.txt", "edits": [{"old_text": "world", "new_text": "moon"}]}


def test_a_stock_editor_asks_by_a_message_whose_first_action_is_the_safe_one(
    daemon: Start, workspace: Path, script: Script, state: Path
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    asked = answers(client, "Allow once")
    client.start(workspace, {"events": False})
    done = ask(client)
    assert (done["stopReason"], (workspace / "greeting.txt").read_text()) == ("end_turn", "hello\nmoon\n")
    assert asked[0]["type"] == 1
    titles = ["Reject", "Allow once", "Allow for this session", "Always allow"]
    assert [action["title"] for action in asked[0]["actions"]] == titles
    assert f"edit_file: change {workspace}/greeting.txt" in asked[0]["message"]
    assert "(always allows edit_file(greeting.txt) in this workspace)" in asked[0]["message"]
    assert client.named("window/showMessage")[-1] == {"type": 3, "message": "Agent: Done."}
    [document] = (state / "questions").iterdir()  # it may be on the screen until the editor is gone
    assert document.stat().st_mode & 0o777 == 0o400
    assert client.stop() == 0
    assert list((state / "questions").iterdir()) == []


def test_the_whole_question_is_a_document_that_is_opened_before_it_is_asked(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    shown: list[str] = []

    def show(params: Any) -> Any:
        shown.append(Path(params["uri"].removeprefix("file://")).read_text())
        return {"success": True}

    client.answers["window/showDocument"] = show
    answers(client, "Reject")
    client.start(workspace, window={"showDocument": {"support": True}})
    ask(client)
    assert shown == ["--- a/greeting.txt\n+++ b/greeting.txt\n@@ -1,2 +1,2 @@\n hello\n-world\n+moon\n"]


def test_a_long_change_is_asked_about_by_its_ends_with_all_of_it_in_a_document(
    daemon: Start, workspace: Path, script: Script
) -> None:
    text = "".join(f"{number}\n" for number in range(60_000))
    client = daemon(script({"calls": [call("write_file", path="long.txt", content=text)]}, {"text": "Done."}))
    asked: list[Any] = []

    def reply(params: Any) -> Any:
        document = Path(params["document"].removeprefix("file://"))
        asked.append((params, document.read_text(), document.stat().st_mode & 0o777))
        return {"decision": "allow_once"}

    client.answers["agent/requestApproval"] = reply
    client.start(workspace, {"approvals": True})
    assert ask(client)["stopReason"] == "end_turn"
    [(params, whole, mode)] = asked
    assert (params["length"], mode, "diff" in params) == (len(whole), 0o400, False)
    assert len(params["detail"]) < 140_000
    assert whole.endswith("+59998\n+59999\n")
    assert params["detail"].endswith("+59998\n+59999\n")
    assert (workspace / "long.txt").read_text() == text


@pytest.mark.parametrize("answer", [None, {}, {"title": "Nonsense"}, "Allow once", Error(-32603, "boom")])
def test_whatever_is_no_clear_yes_is_a_no(daemon: Start, workspace: Path, script: Script, answer: Any) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))

    def reply(_: Any) -> Any:
        if isinstance(answer, Error):
            raise answer
        return answer

    client.answers["window/showMessageRequest"] = reply
    client.start(workspace)
    done = ask(client)
    assert "rejected" in results(client, done["sessionId"])[0]
    assert (workspace / "greeting.txt").read_text() == "hello\nworld\n"


def test_a_yes_that_comes_too_quickly_is_asked_again_and_the_second_one_rejects(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    asked = answers(client, "Allow once", delay=0)
    client.start(workspace)
    ask(client)
    assert len(asked) == 2
    assert (workspace / "greeting.txt").read_text() == "hello\nworld\n"


def test_a_client_without_message_boxes_gets_code_actions_that_decide(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    client.start(workspace, {"approvals": True})
    client.command("agent.ask", {"prompt": "go"})
    client.wait(lambda m: m.get("method") == "window/showMessage" and "code actions" in m["params"]["message"])
    place = {
        "textDocument": {"uri": "file:///x"},
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
    }
    actions = client.call("textDocument/codeAction", {**place, "context": {"diagnostics": []}})
    assert [action["command"]["title"] for action in actions] == ["Reject", "Allow once", "Allow for this session"]
    chosen = actions[1]["command"]
    client.call("workspace/executeCommand", {"command": chosen["command"], "arguments": chosen["arguments"]})
    assert client.wait_event("turnFinished")["stopReason"] == "end_turn"
    assert (workspace / "greeting.txt").read_text() == "hello\nmoon\n"


def test_an_open_buffer_with_unsaved_text_is_edited_through_the_editor_and_the_disk_left_alone(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(
        script(
            {"calls": [call("read_file", path="greeting.txt")]},
            {"calls": [call("edit_file", **EDIT)]},
            {"text": "Done."},
        )
    )
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    buffer = Buffer(client, workspace / "greeting.txt", "unsaved\nworld\n")
    done = ask(client)
    assert buffer.text == "unsaved\nmoon\n"
    assert len(buffer.applied) == 1
    assert (workspace / "greeting.txt").read_text() == "hello\nworld\n"
    told = results(client, done["sessionId"])
    assert told[0] == "1\tunsaved\n2\tworld\n"
    assert told[1] == "Edit greeting.txt: done, in the editor's buffer, not saved yet."


def test_an_edit_that_the_editor_only_claims_to_have_applied_is_noticed(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.answers["workspace/applyEdit"] = lambda _: {"applied": True}
    client.start(workspace, {"approvals": True})
    client.open(workspace / "greeting.txt", "hello\nworld\n")
    done = ask(client)
    assert "as far as it has told the text is as it was" in results(client, done["sessionId"])[0]


@pytest.mark.parametrize("answer", [{"applied": False, "failureReason": "no"}, None, {}, Error(32603, "stale")])
def test_an_edit_that_the_editor_refuses_goes_back_to_the_model_and_never_to_disk(
    daemon: Start, workspace: Path, script: Script, answer: Any
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}

    def reply(_: Any) -> Any:
        if isinstance(answer, Error):
            raise answer
        return answer

    client.answers["workspace/applyEdit"] = reply
    client.start(workspace, {"approvals": True})
    client.open(workspace / "greeting.txt", "hello\nworld\n")
    done = ask(client)
    assert "the editor" in results(client, done["sessionId"])[0]
    assert (workspace / "greeting.txt").read_text() == "hello\nworld\n"


def test_what_the_user_types_while_being_asked_is_never_overwritten(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    client.start(workspace, {"approvals": True})
    buffer = Buffer(client, workspace / "greeting.txt", "hello\nworld\n")

    def typing_user(_: Any) -> Any:
        buffer.type("hello\nworld and more\n")
        return {"decision": "allow_once"}

    client.answers["agent/requestApproval"] = typing_user
    done = ask(client)
    assert buffer.text == "hello\nworld and more\n"
    assert "changed by somebody else" in results(client, done["sessionId"])[0]


@pytest.mark.parametrize("tells_first", [True, False])
def test_an_edit_that_typing_has_overtaken_is_merged_and_made_once(
    daemon: Start, workspace: Path, script: Script, tells_first: bool
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    buffer = Buffer(client, workspace / "greeting.txt", "hello\nand\nworld\n")
    apply, told = buffer.apply, threading.Event()

    def typing_user(params: Any) -> Any:
        client.answers["workspace/applyEdit"] = apply
        text = "typed\nhello\nand\nworld\n"
        if tells_first:
            buffer.type(text)
        else:
            threading.Timer(0.15, buffer.type, [text]).start()
        told.set()
        return {"applied": False, "failureReason": "stale"}

    client.answers["workspace/applyEdit"] = typing_user
    done = ask(client)
    assert told.is_set()
    assert buffer.text == "typed\nhello\nand\nmoon\n"
    assert len(buffer.applied) == 1
    assert "both changes were kept" in results(client, done["sessionId"])[0]


def test_an_editor_that_refuses_late_is_not_gone_around_and_what_was_typed_meanwhile_stays(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    buffer = Buffer(client, workspace / "greeting.txt", "hello\nand\nworld\n")
    asked: list[int] = []

    def refuse_late(params: Any) -> Any:
        asked.append(params["edit"]["documentChanges"][0]["textDocument"]["version"])
        time.sleep(2.5)  # longer than an edit is looked for: the answer itself is waited for
        if len(asked) == 1:
            buffer.type("typed\nhello\nand\nworld\n")
        return {"applied": False}

    client.answers["workspace/applyEdit"] = refuse_late
    done = ask(client)
    assert asked == [1, 2]
    assert buffer.text == "typed\nhello\nand\nworld\n"
    assert results(client, done["sessionId"]) == ["the editor refused the edit to greeting.txt"]
    assert (workspace / "greeting.txt").read_text() == "hello\nworld\n"


def test_an_edit_into_which_the_user_types_on_counts_as_made(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    buffer = Buffer(client, workspace / "greeting.txt", "hello\nand\nworld\n")

    def apply_and_type(_: Any) -> Any:
        buffer.type("typed\nhello\nand\nmoon\n")
        return {"applied": True}

    client.answers["workspace/applyEdit"] = apply_and_type
    done = ask(client)
    assert results(client, done["sessionId"]) == ["Edit greeting.txt: done, in the editor's buffer, not saved yet."]


def test_of_an_edit_that_the_user_has_typed_over_both_sides_are_shown(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"calls": [call("edit_file", **EDIT)]}, {"text": "Done."}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    buffer = Buffer(client, workspace / "greeting.txt", "hello\nworld\n")

    def apply_and_type(_: Any) -> Any:
        buffer.type("hello\nmoonlight\n")
        return {"applied": True}

    client.answers["workspace/applyEdit"] = apply_and_type
    done = ask(client)
    assert buffer.text == "hello\nmoonlight\n"
    [told] = results(client, done["sessionId"])
    assert told.endswith("[now, from line 2:]\nmoonlight\n[you wanted:]\nmoon\n")


def test_progress_is_created_begun_reported_and_ended_and_its_cancel_cancels(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"text": "one two three four five six", "delay_ms": 1_000}))
    client.answers["window/workDoneProgress/create"] = lambda _: None
    client.start(workspace, {"events": False}, window={"workDoneProgress": True})
    turn = client.command("agent.ask", {"prompt": "say it"})["turnId"]
    begin = client.wait(lambda m: m.get("method") == "$/progress")["params"]
    assert begin == {
        "token": turn,
        "value": {"kind": "begin", "title": "Agent: say it", "cancellable": True, "message": "scripted"},
    }
    client.notify("window/workDoneProgress/cancel", {"token": turn})
    ended = client.wait(lambda m: m.get("method") == "$/progress" and m["params"]["value"]["kind"] == "end")
    assert ended["params"]["value"]["message"] == "cancelled"


def test_the_clients_own_tokens_carry_progress_and_partial_results(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(script({"text": "hello"}))
    client.start(workspace, {"events": False})
    params = {"prompt": "go", "workDoneToken": "mine", "partialResultToken": 7}
    done = client.call("agent/ask", params)
    assert done["text"] == "hello"
    progress = client.named("$/progress")
    assert [p["value"]["kind"] for p in progress if p["token"] == "mine"] == ["begin", "report", "end"]
    assert [p["value"]["kind"] for p in progress if p["token"] == 7] == [
        "turnStarted",
        "textDelta",
        "usageUpdated",
        "turnFinished",
    ]


def test_a_session_that_another_daemon_went_on_with_is_shown_as_it_is_now(
    daemon: Start, workspace: Path, script: Script
) -> None:
    first, second = daemon(script({"text": "One."})), daemon(script({"text": "One."}))
    for client in (first, second):
        client.start(workspace)
    session = ask(first)["sessionId"]
    ask(second, "and then?", sessionId=session)
    shown = [client.command("agent.session", {"sessionId": session})["entries"] for client in (first, second)]
    assert shown[0] == shown[1]
    assert [entry["text"] for entry in shown[0] if entry.get("role") == "user"] == ["go", "and then?"]


def test_two_sessions_of_one_daemon_run_side_by_side(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "one two three", "delay_ms": 5_000}))
    client.start(workspace)
    turns = [client.command("agent.ask", {"prompt": f"go {n}"})["turnId"] for n in range(3)]
    assert sorted(client.command("agent.status")["turns"]) == sorted(turns)
    assert sorted(client.command("agent.cancel", {})["cancelled"]) == sorted(turns)


def test_what_the_editor_shows_reaches_the_model(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "ok"}))
    client.start(workspace)
    uri = client.open(workspace / "greeting.txt", "hello\nw😀rld\n")
    shown = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 3}}
    diagnostics = [{"message": "odd", "source": "lint", "range": shown}]
    done = ask(client, context={"uri": uri, "range": shown, "diagnostics": diagnostics})
    assert done["stopReason"] == "end_turn"


def test_what_the_user_keeps_from_the_agent_is_not_shown_beside_a_prompt(
    daemon: Start, workspace: Path, state: Path, script: Script
) -> None:
    (workspace / ".agentignore").write_text("greeting.txt\n")
    client = daemon(script({"calls": [call("read_file", path="greeting.txt")]}, {"text": "ok"}))
    client.start(workspace)
    uri = client.open(workspace / "greeting.txt", "needle\n")
    shown = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 6}}
    done = ask(client, context={"uri": uri, "range": shown, "diagnostics": [{"message": "needle"}]})
    assert "is kept from the agent by .agentignore, line 1" in results(client, done["sessionId"])[0]
    written = b"".join(path.read_bytes() for path in state.glob("journal.sqlite3*"))
    assert b"a file that they keep from you" in written
    assert b"needle" not in written


def test_a_prompt_joins_a_running_turn_or_waits_if_it_is_queued(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "one two three", "delay_ms": 500}))
    client.start(workspace)
    first = client.command("agent.ask", {"prompt": "go"})
    client.wait_event("turnStarted")
    joined = client.command("agent.ask", {"prompt": "and this", "sessionId": first["sessionId"]})
    assert joined == {**first, "joined": True}
    queued = client.command("agent.ask", {"prompt": "then", "sessionId": first["sessionId"], "queue": True})
    assert queued["turnId"] != first["turnId"]
    client.wait(
        lambda m: (
            m.get("method") == "agent/event"
            and m["params"]["turnId"] == queued["turnId"]
            and m["params"]["kind"] == "turnFinished"
        )
    )


# Bad input: one clear line each, and a daemon that lives on.


def failed(client: Client) -> dict[str, Any]:
    done = ask(client)
    assert done["stopReason"] == "failed"
    assert client.alive
    error: dict[str, Any] = done["error"]
    return error


def test_no_workspace_folder(daemon: Start, script: Script) -> None:
    client = daemon(script({"text": "x"}))
    client.start(None)
    error = failed(client)
    assert (error["kind"], "no workspace folder is open" in error["message"]) == ("workspace", True)


def test_folders_are_opened_and_closed_while_a_turn_runs(
    daemon: Start, workspace: Path, tmp_path: Path, script: Script
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("a\n")
    reads = [call("read_file", path=path) for path in (str(other / "a.txt"), str(workspace / "greeting.txt"))]
    steps = ({"calls": [*reads, call("run_command", command="touch x")]} for _ in range(3))
    client = daemon(script(*steps, {"text": "Done."}))
    client.start(workspace, {"approvals": True})
    added, removed = ({"uri": folder.as_uri(), "name": folder.name} for folder in (other, workspace))
    gone = {"uri": (tmp_path / "gone").as_uri(), "name": "gone"}
    events = [{"added": [added, gone], "removed": []}, {"added": [], "removed": [removed, gone]}, None]

    def change_folders(_: Any) -> Any:
        if event := events.pop(0):
            client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
        return {"decision": "allow_once"}

    client.answers["agent/requestApproval"] = change_folders
    done = ask(client)

    told = results(client, done["sessionId"])
    assert [["outside" in text for text in told[step : step + 2]] for step in (0, 3, 6)] == [
        [True, False],
        [False, False],
        [False, True],
    ]
    entries = client.command("agent.session", {"sessionId": done["sessionId"]})["entries"]
    assert [entry["text"] for entry in entries if entry.get("role") == "notice"] == [
        f"the workspace folders are now: {workspace}, {other}. Paths begin with the folder's last name.",
        f"the workspace folders are now: {other}. changed by the user or a program since you last saw it:"
        f" {workspace}/greeting.txt (deleted, or no longer readable). Read again what you still need.",
    ]
    client.wait(lambda m: m.get("method") == "window/showMessage" and "gone is no folder" in m["params"]["message"])


@pytest.mark.parametrize("decision", ["allow_session", "allow_always"])
def test_what_was_allowed_in_a_workspace_does_not_hold_once_other_folders_are_open(
    daemon: Start, workspace: Path, tmp_path: Path, script: Script, decision: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    writes = [{"calls": [call("write_file", path="a.txt", content=text)]} for text in ("one", "two")]
    client = daemon(script(*writes, {"text": "Done."}))
    client.start(workspace, {"approvals": True})
    added, removed = ({"uri": folder.as_uri(), "name": folder.name} for folder in (other, workspace))
    asked: list[Any] = []

    def allow_the_first(params: Any) -> Any:
        asked.append(params)
        if len(asked) == 1:
            client.command("agent.decide", {"approvalId": params["approvalId"], "decision": decision})
        return {"decision": "reject"}

    client.answers["agent/requestApproval"] = allow_the_first
    session = ask(client)["sessionId"]
    assert (len(asked), (workspace / "a.txt").read_text()) == (1, "two")
    client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [added], "removed": [removed]}})
    ask(client, sessionId=session)
    assert [question["diff"][0]["uri"] for question in asked] == [
        (folder / "a.txt").as_uri() for folder in (workspace, other, other)
    ]


def test_a_yes_to_a_question_from_before_other_folders_were_open_is_for_once(
    daemon: Start, workspace: Path, tmp_path: Path, script: Script
) -> None:
    writes = [{"calls": [call("write_file", path=f"{workspace}/a.txt", content=text)]} for text in ("one", "two")]
    client = daemon(script(*writes, {"text": "Done."}))
    client.start(workspace, {"approvals": True})
    added = {"uri": tmp_path.as_uri(), "name": tmp_path.name}
    asked: list[Any] = []

    def allow_after_the_folder(params: Any) -> Any:
        asked.append(params)
        if len(asked) == 1:
            client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [added], "removed": []}})
        return {"decision": "allow_session"}

    client.answers["agent/requestApproval"] = allow_after_the_folder
    ask(client)
    assert (len(asked), (workspace / "a.txt").read_text()) == (2, "two")


def test_folders_that_are_on_no_disk_of_this_machine_are_named(daemon: Start, script: Script) -> None:
    client = daemon(script({"text": "ok"}))
    folders = [{"uri": "file://server/share", "name": "share"}]
    client.call("initialize", {**client.initialize_params(None, None), "workspaceFolders": folders})
    client.notify("initialized", {})
    assert failed(client) == {
        "kind": "workspace",
        "message": "no workspace folder is on this machine (file://server/share): open one by a file:/// URI,"
        " in which # is %23 and ? is %3F",
    }


def test_a_root_that_does_not_exist(daemon: Start, tmp_path: Path, script: Script) -> None:
    client = daemon(script({"text": "x"}))
    client.start(tmp_path / "gone")
    assert f"{tmp_path}/gone does not exist" in failed(client)["message"]


def test_where_the_daemon_cannot_work_continue_is_answered_as_a_failed_turn_and_an_estimate_is_an_error(
    daemon: Start, tmp_path: Path, script: Script
) -> None:
    client = daemon(script({"text": "x"}))
    client.start(tmp_path / "gone")

    answer = client.command("agent.continue", {"sessionId": "session_1"})
    with pytest.raises(Error) as refused:
        client.command("agent.estimate", {"prompt": "go"})

    assert (answer["stopReason"], answer["error"]["kind"]) == ("failed", "workspace")
    assert (refused.value.code, refused.value.message) == (-32803, answer["error"]["message"])


def test_a_typo_of_the_editor_is_said_aloud_and_ignored(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "x"}))
    client.start(workspace, {"maxStep": 5, "baseUrl": "http://evil", "preset": "auto", "maxTokens": 400_000})
    assert ask(client)["stopReason"] == "end_turn"
    said = " ".join(params["message"] for params in client.named("window/showMessage"))
    assert "Did you mean maxSteps?" in said
    assert "'baseUrl' is ignored" in said
    assert "'auto' is looser than 'confirm'" in said
    assert client.command("agent.status")["limits"]["maxTokens"] == 400_000


def test_a_provider_that_is_down_is_named(daemon: Start, workspace: Path) -> None:
    client = daemon("openai-chat:x", AGENT_LSP_BASE_URL="http://127.0.0.1:9/v1", AGENT_LSP_MAX_RETRIES="0")
    client.start(workspace)
    error = failed(client)
    assert (error["kind"], "127.0.0.1" in error["message"]) == ("connection", True)


def test_an_unknown_session_is_an_invalid_param(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "x"}))
    client.start(workspace)
    with pytest.raises(Error) as unknown:
        ask(client, sessionId="session_none")
    assert (unknown.value.code, "no session session_none" in unknown.value.message) == (-32602, True)


def test_an_approval_that_nobody_answers_times_out_as_unanswered(
    daemon: Start, workspace: Path, script: Script
) -> None:
    client = daemon(
        script({"calls": [call("edit_file", **EDIT)]}, {"text": "ok"}), AGENT_LSP_APPROVAL_TIMEOUT_SECONDS="1"
    )
    client.answers["agent/requestApproval"] = lambda _: SILENT
    client.start(workspace, {"approvals": True})
    done = ask(client)
    assert "nobody answered" in results(client, done["sessionId"])[0]


# Money: told before, bound while, gone on with after.


def test_an_estimate_is_given_without_asking_the_model(daemon: Start, workspace: Path) -> None:
    client = daemon("openai-chat:gpt-5-mini", AGENT_LSP_BASE_URL="http://127.0.0.1:9/v1")
    client.start(workspace)
    guess = client.command("agent.estimate", {"prompt": "refactor it all"})
    assert 500 < guess["inputTokens"] < 5_000
    assert 0 < guess["cost"]["low"] < guess["cost"]["likely"] < guess["cost"]["high"]
    assert "no history" in guess["basis"]
    unknown = client.command("agent.estimate", {"prompt": "go", "model": "openai-chat:homegrown"})
    assert (unknown["cost"]["likely"], unknown["costUnknown"]) == (None, True)


def test_a_turn_that_a_limit_ended_goes_on_by_one_command(daemon: Start, workspace: Path, script: Script) -> None:
    model = script(*[{"calls": [call("list_files")]}] * 3, when={"Go on where": [{"text": "Finished."}]})
    client = daemon(model, AGENT_LSP_MAX_STEPS="2")
    client.start(workspace)
    done = ask(client)
    assert (done["stopReason"], done["error"]["kind"]) == ("budget_spent", "budget_spent")
    assert "maxSteps is 2" in done["error"]["message"]
    again = client.command("agent.continue", {"sessionId": done["sessionId"], "wait": True})
    assert (again["stopReason"], again["text"]) == ("end_turn", "Finished.")


def test_a_stock_editor_is_offered_to_go_on_with_the_safe_answer_first(
    daemon: Start, workspace: Path, script: Script
) -> None:
    model = script(*[{"calls": [call("list_files")]}] * 3, when={"Go on where": [{"text": "Finished."}]})
    client = daemon(model, AGENT_LSP_MAX_STEPS="2")
    asked = answers(client, "Go on", delay=0)
    client.start(workspace, {"events": False})
    client.command("agent.ask", {"prompt": "go"})
    client.wait(lambda m: m.get("method") == "window/showMessage" and m["params"]["message"] == "Agent: Finished.")
    assert [action["title"] for action in asked[0]["actions"]] == ["Stop here", "Go on"]
    assert "maxSteps is 2" in asked[0]["message"]


def test_cancelling_a_queued_turn_leaves_the_running_one_alone(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "one two three", "delay_ms": 500}))
    client.start(workspace)
    first = client.command("agent.ask", {"prompt": "go"})
    queued = client.command("agent.ask", {"prompt": "then", "sessionId": first["sessionId"], "queue": True})
    assert client.command("agent.cancel", {"turnId": queued["turnId"]}) == {"cancelled": [queued["turnId"]]}
    assert client.wait_event("turnFinished")["stopReason"] == "end_turn"


def test_a_name_that_is_no_unicode_reaches_the_client_as_valid_json(
    daemon: Start, workspace: Path, script: Script
) -> None:
    (workspace / os.fsdecode(b"odd\xff.txt")).write_text("x")
    client = daemon(script({"calls": [call("list_files")]}, {"text": "ok"}))
    client.start(workspace)
    session = ask(client)["sessionId"]
    client.command("agent.session", {"sessionId": session})
    for message in client.messages:
        json.dumps(message, ensure_ascii=False).encode()  # a lone surrogate would raise


def test_a_second_initialize_is_refused(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "x"}))
    client.start(workspace)
    with pytest.raises(Error) as again:
        client.call("initialize", client.initialize_params(workspace, None))
    assert again.value.code == -32600


def test_commands_other_than_ask_get_an_error_when_there_is_no_workspace(daemon: Start, script: Script) -> None:
    client = daemon(script({"text": "x"}))
    client.start(None)
    with pytest.raises(Error, match="no workspace folder") as refused:
        client.command("agent.sessions")
    assert refused.value.code == -32803


def test_two_sessions_may_edit_one_open_file(daemon: Start, workspace: Path, script: Script) -> None:
    edits = {word: [{"old_text": word, "new_text": word.upper()}] for word in ("hello", "world")}
    scripts = {w: [{"calls": [call("edit_file", path="greeting.txt", edits=edits[w])]}, {"text": "ok"}] for w in edits}
    client = daemon(script(when=scripts))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    buffer = Buffer(client, workspace / "greeting.txt", "hello\n\n\nworld\n")
    turns = [client.command("agent.ask", {"prompt": word})["turnId"] for word in edits]
    for turn in turns:
        ended = client.wait(
            lambda m, turn=turn: (
                m.get("method") == "agent/event"  # type: ignore[misc]
                and (m["params"]["turnId"], m["params"]["kind"]) == (turn, "turnFinished")
            )
        )
        assert ended["params"]["stopReason"] == "end_turn"
    assert buffer.text.count("HELLO") + buffer.text.count("WORLD") >= 1
