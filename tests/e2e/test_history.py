"""Undo, redo and branch over LSP, with the real daemon, also one that is killed at any moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Start, call
from tests.e2e.test_editor import Buffer, ask
from tests.raw_client import Error, RawClient

Script = Callable[..., str]


def started(daemon: Start, model: str, workspace: Path) -> RawClient:
    client = daemon(model)
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    return client


def entries(client: RawClient, session: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.command("agent.session", {"sessionId": session})["entries"]
    return found


def seqs(client: RawClient, session: str, kind: str) -> list[int]:
    return [entry["seq"] for entry in entries(client, session) if entry["kind"] == kind]


def edit(path: str, old: str, new: str) -> dict[str, Any]:
    return call("edit_file", path=path, edits=[{"old_text": old, "new_text": new}])


def test_a_turn_that_changed_three_files_is_undone_but_for_the_one_the_user_edited_since(
    daemon: Start, workspace: Path, script: Script
) -> None:
    paths = [workspace / name for name in ("a.txt", "b.txt", "c.txt")]
    for path in paths:
        path.write_text("one\ntwo\n")
    model = script({"calls": [edit(path.name, "one", "1") for path in paths]}, {"text": "Done."})
    client = started(daemon, model, workspace)
    opened = Buffer(client, paths[0], "one\nunsaved\n")
    session = ask(client)["sessionId"]
    assert opened.text == "1\nunsaved\n"
    paths[1].write_text("1\ntwo\nthree\n")
    began = seqs(client, session, "turnBegan")[0]
    assert client.command("agent.status")["undo"] == [{"sessionId": session, "undo": began}]
    undone = client.command("agent.undo", {"sessionId": session})
    [back] = seqs(client, session, "undone")
    assert client.command("agent.status")["undo"] == [{"sessionId": session, "redo": back}]
    assert undone == {
        "restored": [paths[0].as_uri(), paths[2].as_uri()],
        "kept": [{"uri": paths[1].as_uri(), "why": "it was changed since"}],
    }
    assert (opened.text, len(opened.applied)) == ("one\nunsaved\n", 2)
    assert [path.read_text() for path in paths] == ["one\ntwo\n", "1\ntwo\nthree\n", "one\ntwo\n"]
    assert client.command("agent.redo", {"sessionId": session})["restored"] == undone["restored"]
    assert (opened.text, paths[2].read_text()) == ("1\nunsaved\n", "1\ntwo\n")


def test_hunks_are_listed_and_undone_by_their_ids(daemon: Start, workspace: Path, script: Script) -> None:
    file = workspace / "greeting.txt"
    file.write_text("a\nb\nc\nd\ne\n")
    edits = [{"old_text": "a", "new_text": "A"}, {"old_text": "e", "new_text": "E"}]
    model = script({"calls": [call("edit_file", path="greeting.txt", edits=edits)]}, {"text": "Done."})
    client = started(daemon, model, workspace)
    session = ask(client)["sessionId"]
    [entry] = seqs(client, session, "filesChanged")
    about = {"sessionId": session, "entryId": entry}
    assert client.command("agent.changes", about) == {
        "diff": [
            {
                "uri": file.as_uri(),
                "hunks": [
                    {"id": "1", "oldStart": 1, "old": "a\n", "newStart": 1, "new": "A\n"},
                    {"id": "2", "oldStart": 5, "old": "e\n", "newStart": 5, "new": "E\n"},
                ],
            }
        ]
    }
    assert client.command("agent.undo", {**about, "hunks": ["1"]}) == {"restored": [file.as_uri()], "kept": []}
    assert file.read_text() == "a\nb\nc\nd\nE\n"


def test_nothing_is_undone_while_a_turn_runs(daemon: Start, workspace: Path, script: Script) -> None:
    client = started(daemon, script({"text": "one two", "delay_ms": 5_000}), workspace)
    session = client.command("agent.ask", {"prompt": "go"})["sessionId"]
    client.wait_event("turnStarted")
    with pytest.raises(Error, match="a turn of this session is running"):
        client.command("agent.undo", {"sessionId": session})


def test_a_branch_goes_on_from_an_entry_and_takes_its_files_along(
    daemon: Start, workspace: Path, script: Script
) -> None:
    file = workspace / "greeting.txt"
    model = script(
        when={
            "first": [{"calls": [edit("greeting.txt", "hello", "hi")]}, {"text": "First."}],
            "second": [{"calls": [edit("greeting.txt", "world", "moon")]}, {"text": "Second."}],
            "third": [{"text": "Third."}],
        }
    )
    client = started(daemon, model, workspace)
    session = ask(client, "first")["sessionId"]
    ask(client, "second", sessionId=session)
    end_of_first = seqs(client, session, "turnEnded")[0]

    plain = client.command("agent.branch", {"sessionId": session, "entryId": end_of_first})
    assert file.read_text() == "hi\nmoon\n"
    assert [entry["seq"] for entry in entries(client, plain["sessionId"])][-1] == end_of_first

    about = {"sessionId": session, "entryId": end_of_first, "restoreFiles": True}
    branch = client.command("agent.branch", about)
    assert branch == {"sessionId": branch["sessionId"], "restored": [file.as_uri()], "kept": []}
    assert file.read_text() == "hi\nworld\n"
    assert ask(client, "third", sessionId=branch["sessionId"])["text"] == "Third."
    said = [entry.get("text") for entry in entries(client, branch["sessionId"]) if entry.get("role") == "user"]
    assert said == ["first", "third"]
    assert client.command("agent.redo", {"sessionId": branch["sessionId"]})["restored"] == [file.as_uri()]
    assert file.read_text() == "hi\nmoon\n"
    assert [entry.get("text") for entry in entries(client, session) if entry.get("role") == "user"] == [
        "first",
        "second",
    ]
    with pytest.raises(Error, match="has no entry 999"):
        client.command("agent.branch", {"sessionId": session, "entryId": 999})


def test_a_branch_from_the_middle_of_a_turn_has_a_legal_history(daemon: Start, workspace: Path, script: Script) -> None:
    model = script({"calls": [edit("greeting.txt", "hello", "hi")]}, {"text": "ok"}, when={"on": [{"text": "On."}]})
    client = started(daemon, model, workspace)
    session = ask(client)["sessionId"]
    [change] = seqs(client, session, "filesChanged")
    branch = client.command("agent.branch", {"sessionId": session, "entryId": change})["sessionId"]
    assert [entry["kind"] for entry in entries(client, branch)][-2:] == ["message", "turnEnded"]
    assert "The session was branched while this ran" in entries(client, branch)[-2]["results"][0]["text"]
    assert ask(client, "on", sessionId=branch)["text"] == "On."


def test_a_command_that_a_kill_cut_off_is_undone_when_its_entry_is_named(
    daemon: Start, workspace: Path, script: Script
) -> None:
    file = workspace / "greeting.txt"
    model = script({"calls": [call("run_command", command="echo x > greeting.txt; touch made; sleep 60")]})
    client = started(daemon, model, workspace)
    session = client.command("agent.ask", {"prompt": "go"})["sessionId"]
    wait_for(workspace / "made")
    client.kill()

    again = started(daemon, model, workspace)
    [entry] = seqs(again, session, "filesChanged")
    kept = again.command("agent.undo", {"sessionId": session})
    assert (kept["restored"], {one["uri"] for one in kept["kept"]}) == (
        [],
        {file.as_uri(), (workspace / "made").as_uri()},
    )
    assert {"who changed it is not certain" in one["why"] for one in kept["kept"]} == {True}
    assert len(again.command("agent.undo", {"sessionId": session, "entryId": entry})["restored"]) == 2
    assert (file.read_text(), (workspace / "made").exists()) == ("hello\nworld\n", False)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 40
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_at_any_moment_of_a_turn_leaves_all_that_undo_needs(
    daemon: Start, workspace: Path, script: Script, seed: int
) -> None:
    """The kill falls between the copy, the record, the write and the result of one of many calls."""
    chance = random.Random(seed)
    names = [f"{number:02}.txt" for number in range(40)]
    for name in names:
        (workspace / name).write_text(f"{name} before\n")
    before = {path.name: path.read_bytes() for path in workspace.iterdir()}
    calls = [edit(name, "before", "after") for name in names]
    calls[7] = call("delete_file", path=names[7])
    calls[11] = call("move_file", path=names[11], new_path="moved.txt")
    model = script({"calls": calls}, {"text": "Done."})
    client = started(daemon, model, workspace)
    session = client.command("agent.ask", {"prompt": "go"})["sessionId"]
    wanted = chance.randrange(1, 35)
    client.wait(lambda _: len(client.events("toolCallStarted")) >= wanted)
    time.sleep(chance.random() * 0.01)
    client.kill()

    again = started(daemon, model, workspace)
    undone = again.command("agent.undo", {"sessionId": session})
    now = {path.name: path.read_bytes() for path in workspace.iterdir()}
    assert {name: data for name, data in now.items() if not name.startswith(".agent-lsp-")} == before
    assert {one["why"] for one in undone["kept"]} <= {"it is like that already"}
    assert len(undone["restored"]) >= wanted - 2


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_in_the_middle_of_an_undo_loses_nothing_and_both_ways_go_on(
    daemon: Start, workspace: Path, script: Script, seed: int
) -> None:
    chance = random.Random(seed)
    names = [f"{number:02}.txt" for number in range(60)]
    for name in names:
        (workspace / name).write_text("before\n")
    line = "for f in [0-9]*; do echo after > $f; done"
    model = script({"calls": [call("run_command", command=line)]}, {"text": "Done."})
    client = started(daemon, model, workspace)
    session = ask(client)["sessionId"]
    half = names[chance.randrange(1, 50)]
    client.notify_command("agent.undo", {"sessionId": session})
    deadline = time.monotonic() + 40
    while (workspace / half).read_text() == "after\n":
        assert time.monotonic() < deadline
    client.kill()
    texts = {(workspace / name).read_text() for name in names}
    assert texts <= {"before\n", "after\n"}

    again = started(daemon, model, workspace)
    step, text = chance.choice([("agent.redo", "after\n"), ("agent.undo", "before\n")])
    if step == "agent.undo":
        first = seqs(again, session, "filesChanged")[0]
        again.command(step, {"sessionId": session, "entryId": first})
    else:
        again.command(step, {"sessionId": session})
    assert {(workspace / name).read_text() for name in names} == {text}


@pytest.mark.parametrize("applied", [True, False])
def test_a_kill_between_the_record_of_a_change_and_its_result_is_undone_by_that_record(
    daemon: Start, workspace: Path, script: Script, applied: bool
) -> None:
    """The daemon dies while it waits for the editor's answer: the edit is made there, or not."""
    file = workspace / "greeting.txt"
    model = script({"calls": [edit("greeting.txt", "hello", "hi")]}, {"text": "Done."})
    client = started(daemon, model, workspace)
    opened = Buffer(client, file, "hello\nunsaved\n")

    def die(params: Any) -> Any:
        client.process.kill()
        raise Error(-32603, "too late")

    client.answers["workspace/applyEdit"] = die
    session = client.command("agent.ask", {"prompt": "go"})["sessionId"]
    client.process.wait(20)

    again = started(daemon, model, workspace)
    held = Buffer(again, file, "hi\nunsaved\n" if applied else opened.text)
    if applied:
        assert again.command("agent.undo", {"sessionId": session}) == {"restored": [file.as_uri()], "kept": []}
    else:
        with pytest.raises(Error, match="nothing to undo"):
            again.command("agent.undo", {"sessionId": session})
    assert held.text == "hello\nunsaved\n"
    assert file.read_text() == "hello\nworld\n"
