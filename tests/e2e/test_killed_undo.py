"""Undo, redo and branch of a daemon that is killed at any moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Start, call
from tests.lsp.test_history import edit, seqs
from tests.raw_client import Error, RawClient
from tests.stock_editor import Buffer, ask

Script = Callable[..., str]


def started(daemon: Start, model: str, workspace: Path) -> RawClient:
    client = daemon(model)
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    return client


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
    deadline = time.monotonic() + 60
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
    deadline = time.monotonic() + 60
    while (workspace / half).read_text() == "after\n":
        assert time.monotonic() < deadline
    client.kill()
    texts = {(workspace / name).read_text() for name in names}
    assert texts <= {"before\n", "after\n"}

    again = started(daemon, model, workspace)
    step, text = [("agent.redo", "after\n"), ("agent.undo", "before\n")][seed % 2]
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
