"""A key goes to its provider and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Start, call
from tests.models.provider import Disconnect, Provider, Reply

KEY = "sk-secret-0123456789"
QUOTED = b'{"error": {"message": "Incorrect API key provided: sk-secret-0123456789"}}'


@pytest.mark.parametrize(
    "reply", [Reply((QUOTED,), 401), Reply((QUOTED,), 500), Reply((b"data: " + QUOTED + b"\n\n",))], ids=str
)
async def test_a_key_that_the_provider_quotes_is_seen_nowhere(
    daemon: Start, workspace: Path, state: Path, reply: Reply
) -> None:
    async with Provider(reply).serving() as provider:
        client = daemon(
            "openai-chat:x", AGENT_LSP_BASE_URL=provider.url, AGENT_LSP_API_KEY=KEY, AGENT_LSP_MAX_RETRIES="0"
        )
        await asyncio.to_thread(client.start, workspace)
        done = await asyncio.to_thread(client.command, "agent.ask", {"prompt": "go", "wait": True})
        assert done["stopReason"] == "failed"
        assert "Incorrect API key provided: [key]" in done["error"]["message"]
        assert provider.asked[0].headers["authorization"] == f"Bearer {KEY}"
        await asyncio.to_thread(client.stop)
    assert KEY not in str(client.messages)
    for file in state.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_a_command_does_not_inherit_keys(daemon: Start, workspace: Path, script: Callable[..., str]) -> None:
    client = daemon(
        script({"calls": [call("run_command", command="env; cat /proc/self/environ")]}, {"text": "ok"}),
        AGENT_LSP_API_KEY=KEY,
        OPENAI_API_KEY=KEY + "2",
        ANTHROPIC_API_KEY=KEY + "3",
    )
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    session = client.command("agent.ask", {"prompt": "go", "wait": True})["sessionId"]
    entries = client.command("agent.session", {"sessionId": session})["entries"]
    [result] = [result for entry in entries if entry.get("role") == "tool" for result in entry["results"]]
    assert "PATH=" in result["text"]
    assert KEY not in result["text"]


async def test_what_never_reached_the_provider_costs_nothing_and_what_broke_off_costs_its_worst(
    daemon: Start, workspace: Path
) -> None:
    async with Provider(Reply((b"data: {}\n\n", Disconnect)), Reply()).serving() as provider:
        for address, costs in ((provider.url, True), ("http://127.0.0.1:9/v1", False)):
            client = daemon("openai-chat:gpt-5-mini", AGENT_LSP_BASE_URL=address, AGENT_LSP_MAX_RETRIES="0")
            await asyncio.to_thread(client.start, workspace)
            done = await asyncio.to_thread(client.command, "agent.ask", {"prompt": "go", "wait": True})
            assert (done["stopReason"], done["cost"] > 0) == ("failed", costs)
            await asyncio.to_thread(client.stop)
