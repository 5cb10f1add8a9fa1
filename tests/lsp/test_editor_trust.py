"""Trust over LSP: the command for clients that ask themselves, the one question for those that do not."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.conftest import Start
from tests.raw_client import Client, Error
from tests.stock_editor import answers, ask

Script = Callable[..., str]
OURS = {"renders": ["trust"]}
TEXT = 'preset = "plan"\nallow = ["run_command"]\n'


@pytest.fixture
def project(workspace: Path) -> Path:
    file = workspace / ".agent" / "config.toml"
    file.parent.mkdir()
    file.write_text(TEXT)
    return file


def preset(client: Client) -> str:
    found: str = client.command("agent.status")["preset"]
    return found


def digest(path: Path, data: bytes) -> str:
    """As the contract says: SHA-256 over a line a file, each the SHA-256 over path, problem and bytes."""
    file = hashlib.sha256()
    for part in (os.fsencode(path), b"", data):
        file.update(len(part).to_bytes(8, "big") + part)
    return hashlib.sha256(f"{file.hexdigest()}\n".encode()).hexdigest()


def test_what_would_act_is_shown_with_its_problems_and_trusted_by_its_digest(
    daemon: Start, workspace: Path, project: Path
) -> None:
    client = daemon()
    client.start(workspace, OURS)
    shown = client.command("agent.trust", {})
    problem = shown["files"][0].pop("problem")
    wanted = {"uri": project.as_uri(), "text": TEXT}
    assert shown == {
        "trusted": False,
        "digest": digest(project, TEXT.encode()),
        "files": [wanted],
        "changed": [],
    }
    assert problem.startswith(f"{project}: 'allow' is ignored: only the user may set it; set it in ")
    assert preset(client) == "confirm"
    assert client.command("agent.status")["waitsForTrust"] == f"{project} is not read until you trust it"

    answer = client.command("agent.trust", {"digest": shown["digest"]})
    assert (answer["trusted"], preset(client)) == (True, "plan")

    project.write_text("maxSteps = 3\n")
    changed = client.command("agent.trust", {})
    assert (changed["trusted"], changed["changed"], preset(client)) == (False, [project.as_uri()], "confirm")
    assert client.named("window/showMessageRequest") == []


def test_a_digest_of_something_else_trusts_nothing(daemon: Start, workspace: Path, project: Path) -> None:
    client = daemon()
    client.start(workspace, OURS)
    shown = client.command("agent.trust", {})
    project.write_text(TEXT + "maxSteps = 3\n")

    with pytest.raises(Error, match="the files have changed since they were shown"):
        client.command("agent.trust", {"digest": shown["digest"]})
    assert preset(client) == "confirm"
    project.unlink()
    with pytest.raises(Error, match="there is nothing to trust"):
        client.command("agent.trust", {"digest": shown["digest"]})


def test_trust_lasts_and_is_taken_back(daemon: Start, workspace: Path, project: Path) -> None:
    first = daemon()
    first.start(workspace, OURS)
    first.command("agent.trust", {"digest": first.command("agent.trust")["digest"]})
    first.stop()

    client = daemon()
    client.start(workspace, OURS)
    assert preset(client) == "plan"
    assert client.command("agent.trust", {"forget": True})["trusted"] is False
    assert preset(client) == "confirm"


def test_a_stock_editor_is_asked_once_with_all_of_it_and_the_safe_answer_first(
    daemon: Start, workspace: Path, project: Path, script: Script
) -> None:
    client = daemon(script({"text": "Hi."}, {"text": "Hi."}))
    asked = answers(client, "Trust")
    client.start(workspace, {"events": False})
    ask(client)
    deadline = time.monotonic() + 60
    while preset(client) != "plan":
        assert time.monotonic() < deadline

    [question] = asked
    assert [action["title"] for action in question["actions"]] == ["Not now", "Trust"]
    assert f"{project} is not read until you trust it. Trust exactly this?" in question["message"]
    assert TEXT in question["message"]


@pytest.mark.parametrize("answer", ["Not now", None])
def test_a_no_is_never_asked_again_for_the_same_but_for_something_else(
    daemon: Start, workspace: Path, project: Path, script: Script, answer: str | None
) -> None:
    client = daemon(script(*[{"text": "Hi."}] * 3))
    asked = answers(client, answer, delay=0)
    client.start(workspace, {"events": False})
    waited(client, 1)
    ask(client)
    client.stop()

    again = daemon(script(*[{"text": "Hi."}] * 3))
    asked_again = answers(again, answer, delay=0)
    again.start(workspace, {"events": False})
    ask(again)
    assert (len(asked), asked_again) == (1, [])
    project.write_text("maxSteps = 3\n")
    ask(again)
    waited(again, 1)
    ask(again)
    assert (len(asked_again), preset(again)) == (1, "confirm")


def test_a_stock_editor_without_questions_is_told_the_way_in_one_line(
    daemon: Start, workspace: Path, project: Path
) -> None:
    client = daemon()
    client.start(workspace)
    said = client.wait(lambda message: message.get("method") == "window/showMessage")["params"]["message"]

    assert said == (
        f"Agent: {project} is not read until you trust it (`agent-lsp trust`, in a terminal, shows it and asks)"
    )


def test_a_yes_to_what_changed_meanwhile_trusts_nothing(daemon: Start, workspace: Path, project: Path) -> None:
    client = daemon()
    answers(client, "Trust")
    choose = client.answers["window/showMessageRequest"]

    def change_first(params: Any) -> Any:
        project.write_text('preset = "plan"\nmaxSteps = 1\n')
        return choose(params)

    client.answers["window/showMessageRequest"] = change_first
    client.start(workspace)
    said = client.wait(lambda message: message.get("method") == "window/showMessage")["params"]["message"]

    assert said == "Agent: the files have changed since they were shown: look at them again, then trust them"
    assert preset(client) == "confirm"


def waited(client: Client, questions: int) -> None:
    client.wait(lambda _: len(client.named("window/showMessageRequest")) >= questions)
