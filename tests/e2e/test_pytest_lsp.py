"""The daemon under pytest-lsp, whose client holds every message against what LSP and its capabilities say."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio
from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig, LanguageClient, make_test_lsp_client

from tests.conftest import call

Connect = Callable[..., Any]


def client_factory() -> LanguageClient:
    client = make_test_lsp_client()

    @client.feature(lsp.WINDOW_SHOW_MESSAGE_REQUEST)  # type: ignore[untyped-decorator]  # pygls' own
    async def choose(params: lsp.ShowMessageRequestParams) -> lsp.MessageActionItem | None:
        await asyncio.sleep(1)  # a user who reads before answering
        actions = params.actions or []
        return next((action for action in actions if action.title == "Allow once"), None)

    return client


@pytest_asyncio.fixture
async def connect(state: Path, workspace: Path) -> AsyncIterator[Connect]:
    clients: list[LanguageClient] = []

    async def start(model: str) -> LanguageClient:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AGENT_LSP_", "OPENAI_", "ANTHROPIC_"))}
        own = {"AGENT_LSP_MODEL": model, "AGENT_LSP_STATE_DIR": str(state), "XDG_CONFIG_HOME": str(state)}
        config = ClientServerConfig(
            server_command=[sys.executable, "-m", "agent_lsp", "serve"],
            server_env={**kept, **own},
            client_factory=client_factory,
        )
        client = await config.start()
        assert isinstance(client, LanguageClient)
        clients.append(client)
        capabilities = lsp.ClientCapabilities(window=lsp.WindowClientCapabilities(work_done_progress=True))
        folder = lsp.WorkspaceFolder(uri=workspace.as_uri(), name="workspace")
        params = lsp.InitializeParams(capabilities=capabilities, workspace_folders=[folder], process_id=os.getpid())
        answer = await client.initialize_session(params)
        assert answer.server_info
        assert answer.server_info.name == "agent-lsp"
        return client

    yield start
    for client in clients:
        await client.shutdown_session()
        await client.stop()  # type: ignore[no-untyped-call]  # pytest-lsp's own


async def command(client: LanguageClient, name: str, **params: Any) -> Any:
    return await client.workspace_execute_command_async(lsp.ExecuteCommandParams(command=name, arguments=[params]))


async def test_a_whole_ask_keeps_to_the_protocol(connect: Connect, workspace: Path, script: Callable[..., str]) -> None:
    model = script({"calls": [call("write_file", path="new.txt", content="made\n")]}, {"text": "Done."})
    client = await connect(model)
    done = await command(client, "agent.ask", prompt="make it", wait=True)
    assert done["stopReason"] == "end_turn"
    assert (workspace / "new.txt").read_text() == "made\n"
    [begin, *_, end] = [value for values in client.progress_reports.values() for value in values]
    assert isinstance(begin, lsp.WorkDoneProgressBegin)
    assert begin.cancellable
    assert isinstance(end, lsp.WorkDoneProgressEnd)
    assert [message.message for message in client.messages] == ["Agent: Done."]


async def test_cancelling_the_request_ends_the_turn(connect: Connect, script: Callable[..., str]) -> None:
    client = await connect(script({"text": "one two three", "delay_ms": 2000}))
    params = lsp.ExecuteCommandParams(command="agent.ask", arguments=[{"prompt": "talk", "wait": True}])
    asking = asyncio.create_task(
        client.protocol.send_request_async(lsp.WORKSPACE_EXECUTE_COMMAND, params, msg_id="asked")
    )
    while not (await command(client, "agent.status"))["turns"]:
        await asyncio.sleep(0.01)
    client.cancel_request(lsp.CancelParams(id="asked"))
    assert (await asking)["stopReason"] == "cancelled"
