"""Daemons as editors start them: processes, with an environment, which may be killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Start, call
from tests.models.local_server import LocalServer
from tests.raw_client import RawClient
from tests.stock_editor import answers, ask, results

Script = Callable[..., str]


def failed(client: RawClient) -> dict[str, Any]:
    done = ask(client)
    assert done["stopReason"] == "failed"
    assert client.alive
    assert "Traceback" not in client.stderr.decode()
    error: dict[str, Any] = done["error"]
    return error


def test_kill_9_in_mid_turn_loses_nothing_and_the_session_goes_on(
    daemon: Start, workspace: Path, script: Script
) -> None:
    stuck = {"calls": [call("run_command", command="touch began; sleep 60")]}
    model = script(stuck, when={"go on": [{"text": "Going on."}]})
    client = daemon(model)
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    session = client.command("agent.ask", {"prompt": "go"})["sessionId"]
    deadline = time.monotonic() + 60
    while not (workspace / "began").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    client.kill()
    again = daemon(model)
    again.start(workspace)
    [stored] = again.command("agent.sessions")
    assert (stored["sessionId"], stored["title"]) == (session, "go")
    done = ask(again, "go on", sessionId=session)
    assert (done["stopReason"], done["text"]) == ("end_turn", "Going on.")
    assert "outcome is unknown" in results(again, session)[0]
    entries = again.command("agent.session", {"sessionId": session})["entries"]
    kinds = [entry["kind"] for entry in entries]
    assert kinds[:6] == ["turnBegan", "message", "message", "approvalDecided", "callBegan", "filesChanged"]
    assert kinds[6:8] == ["message", "turnEnded"]
    assert entries[3]["callId"] == entries[4]["callId"]


def test_a_prompt_that_joined_survives_a_kill(daemon: Start, workspace: Path, script: Script) -> None:
    model = script({"text": "one two three", "delay_ms": 1000}, when={"go on": [{"text": "Both."}]})
    client = daemon(model)
    client.start(workspace)
    first = client.command("agent.ask", {"prompt": "go"})
    client.wait_event("turnStarted")
    assert client.command("agent.ask", {"prompt": "and this", "sessionId": first["sessionId"]})["joined"]
    client.kill()
    again = daemon(model)
    again.start(workspace)
    assert ask(again, "go on", sessionId=first["sessionId"])["text"] == "Both."
    entries = again.command("agent.session", {"sessionId": first["sessionId"]})["entries"]
    assert [entry["text"] for entry in entries if entry.get("role") == "user"] == ["go", "and this", "go on"]


def test_a_session_that_runs_in_another_daemon_is_refused_with_that_reason(
    daemon: Start, workspace: Path, script: Script
) -> None:
    model = script({"text": "one two three", "delay_ms": 2000})
    first, second = daemon(model), daemon(model)
    first.start(workspace)
    second.start(workspace)
    session = first.command("agent.ask", {"prompt": "go"})["sessionId"]
    first.wait_event("turnStarted")
    done = ask(second, "me too", sessionId=session)
    assert "another editor or terminal" in done["error"]["message"]


def test_a_typo_in_the_environment_names_the_nearest_setting(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "x"}), AGENT_LSP_MAX_STEP="5")
    client.start(workspace)
    error = failed(client)
    assert error["kind"] == "settings"
    assert "Did you mean AGENT_LSP_MAX_STEPS?" in error["message"]


@pytest.mark.parametrize(("opened", "kind"), [(True, "connection"), (False, "workspace")])
def test_what_cannot_be_done_is_told_without_a_traceback(
    daemon: Start, workspace: Path, opened: bool, kind: str
) -> None:
    client = daemon("openai-chat:x", AGENT_LSP_BASE_URL="http://127.0.0.1:9/v1", AGENT_LSP_MAX_RETRIES="0")
    client.start(workspace if opened else None)
    assert failed(client)["kind"] == kind


def test_no_model_configured_names_the_ways_to_get_one(daemon: Start, workspace: Path, tmp_path: Path) -> None:
    client = daemon("", XDG_DATA_HOME=str(tmp_path / "data"))
    client.start(workspace)
    error = failed(client)
    assert error["kind"] == "no_model"
    for way in ("AGENT_LSP_MODEL", "OPENAI_API_KEY", "agent-lsp model install"):
        assert way in error["message"]


async def test_a_stock_editor_is_asked_whether_a_model_server_may_be_used(daemon: Start, workspace: Path) -> None:
    async with LocalServer("qwen3:8b").serving() as server:
        client = daemon("", AGENT_LSP_LOCAL_SERVERS=server.url)
        asked = answers(client, "Always allow")

        def twice() -> list[str]:
            client.start(workspace, {"events": False})
            return [client.command("agent.ask", {"prompt": "go", "wait": True})["text"] for _ in range(2)]

        assert await asyncio.to_thread(twice) == ["Hello", "Hello"]
    assert [[action["title"] for action in box["actions"]] for box in asked] == [
        ["Reject", "Allow once", "Always allow"]
    ]
    assert f"model_server: use qwen3:8b of Ollama at {server.url}" in asked[0]["message"]


async def test_the_question_for_a_model_server_says_what_a_yes_for_good_covers(daemon: Start, workspace: Path) -> None:
    async with LocalServer("qwen3:8b").serving() as server:
        client = daemon("", AGENT_LSP_LOCAL_SERVERS=server.url)
        asked: list[Any] = []

        def reject(params: Any) -> Any:
            asked.append(params)
            return {"decision": "allow_session"}

        client.answers["agent/requestApproval"] = reject

        def once() -> Any:
            client.start(workspace, {"approvals": True})
            return client.command("agent.ask", {"prompt": "go", "wait": True})["error"]["kind"]

        kind = await asyncio.to_thread(once)
    [question] = asked
    assert question["choices"] == ["reject", "allow_once", "allow_always"]
    assert question["alwaysRule"] == f"model_server: whatever listens at {server.url}"
    assert (question["url"], question["kind"]) == (server.url, "fetch")
    assert (kind, set(server.paths)) == ("no_model", {"/v1/models"})  # what was not offered is no yes
