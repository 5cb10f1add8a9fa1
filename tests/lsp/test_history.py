"""Undo, redo and branch over LSP, with the real daemon, also one that is killed at any moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import call
from tests.lsp.conftest import Start
from tests.raw_client import Client, Error
from tests.stock_editor import Buffer, ask

Script = Callable[..., str]


def started(daemon: Start, model: str, workspace: Path) -> Client:
    client = daemon(model)
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    return client


def entries(client: Client, session: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.command("agent.session", {"sessionId": session})["entries"]
    return found


def seqs(client: Client, session: str, kind: str) -> list[int]:
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
