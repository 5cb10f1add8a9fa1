"""Row 77 of the published failures; and a marker key that is found nowhere but where it is used."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.app.agent import Agent
from agent_lsp.app.composition import compose
from agent_lsp.app.to_contract import ask_finished
from agent_lsp.contract.codec import encode
from agent_lsp.contract.from_events import agent_event
from agent_lsp.conversation.events import ToolCallOutput
from agent_lsp.conversation.messages import ToolMessage
from agent_lsp.files.editor import NoEditor
from tests.conftest import Start, call
from tests.house import House
from tests.models.provider import Provider, Reply, delta

KEY = "marker-key/0123456789+abcdef"
TOKEN = "ghp" + "_" + "a1B2" * 9
linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


@linux
def test_row_77_the_key_is_not_in_the_environment_that_proc_shows(daemon: Start, workspace: Path, script: Any) -> None:
    read = call("run_command", command="tr '\\0' '\\n' </proc/$PPID/environ; env")
    client = daemon(script({"calls": [read]}, {"text": "done"}), OPENAI_API_KEY=KEY, AGENT_LSP_API_KEY=KEY)
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"protocol": 1, "approvals": True})
    answer = client.command("agent.ask", {"prompt": "go", "wait": True})
    block = Path(f"/proc/{client.process.pid}/environ").read_bytes()
    said = json.dumps(client.messages)

    assert answer["stopReason"] == "end_turn"
    assert b"AGENT_LSP_STATE_DIR=" in block
    assert KEY.encode() not in block
    assert "PATH=" in said
    assert KEY not in said

    naive = "import os, time; os.environ.pop('OPENAI_API_KEY'); print(open('/proc/self/environ').read())"
    ran = subprocess.run(
        [sys.executable, "-c", naive], env={**os.environ, "OPENAI_API_KEY": KEY}, capture_output=True, check=True
    )
    assert KEY.encode() in ran.stdout


async def test_a_known_key_is_written_and_sent_nowhere(workspace: Path, state: Path) -> None:
    """The user, a file, a command and the provider's own error say it, and with it a token that nobody told of."""
    (workspace / ".env").write_text(f"KEY={KEY}\nTOKEN={TOKEN}\nMODE=test\n")
    replies = (
        _calls(("read_file", {"path": ".env"}), ("run_command", {"command": "cat .env; echo end"})),
        _calls(("edit_file", {"path": ".env", "edits": [{"old_text": "MODE=test", "new_text": "MODE=live"}]})),
        Reply((json.dumps({"error": {"message": f"the key {KEY} is bad"}}).encode(),), 400, {}),
    )
    async with Provider(*replies).serving() as provider:
        environment = {
            "AGENT_LSP_MODEL": "openai-chat:m",
            "AGENT_LSP_BASE_URL": provider.url,
            "AGENT_LSP_STATE_DIR": str(state),
            "AGENT_LSP_API_KEY": KEY,
        }
        house = House(compose(environment, [str(workspace)], NoEditor()))
        finished = await house.ask(f"why is {KEY} or {TOKEN} refused?")
        told = [asdict(message) for message in house.messages]
        results = _results(house)
        shown = json.dumps(encode([*map(agent_event, house.seen), ask_finished(finished)]))
        await house.agent.close()

    sent = json.dumps([asked.body for asked in provider.asked])
    kept = b"".join(file.read_bytes() for file in state.iterdir() if file.is_file()).decode("utf-8", "replace")
    assert [asked.headers["authorization"] for asked in provider.asked] == [f"Bearer {KEY}"] * 3  # where it is used
    for name, text in {"sent": sent, "kept": kept, "shown": shown, "told": json.dumps(told)}.items():
        assert (KEY in text, TOKEN in text) == (False, False), name
        assert "[redacted: key of a model]" in text, name
    assert results[0] == "1\tKEY=[redacted: key of a model]\n2\tTOKEN=[redacted: GitHub token]\n3\tMODE=test\n"
    assert (workspace / ".env").read_text() == f"KEY={KEY}\nTOKEN={TOKEN}\nMODE=live\n"


async def test_a_file_whose_secret_was_hidden_is_not_written_over_with_the_words_in_its_place(
    workspace: Path, state: Path
) -> None:
    (workspace / ".env").write_text(f"TOKEN={TOKEN}\n")
    replies = (
        _calls(("write_file", {"path": ".env", "content": "TOKEN=[redacted: GitHub token]\nMODE=live\n"})),
        Reply((delta("stop", content="done"), b"data: [DONE]\n\n")),
    )
    async with Provider(*replies).serving() as provider:
        environment = {
            "AGENT_LSP_MODEL": "openai-chat:m",
            "AGENT_LSP_BASE_URL": provider.url,
            "AGENT_LSP_STATE_DIR": str(state),
        }
        house = House(compose(environment, [str(workspace)], NoEditor()))
        await house.ask("go live")
        results = _results(house)
        await house.agent.close()

    assert results[0].startswith("not done: the new text has '[redacted: …]' where the file holds a secret")
    assert house.asked == []
    assert (workspace / ".env").read_text() == f"TOKEN={TOKEN}\n"


async def test_the_output_of_a_running_command_is_cleaned_though_it_comes_in_pieces(
    workspace: Path, state: Path, script: Any
) -> None:
    half = len(KEY) // 2
    command = f"printf '%s' '{KEY[:half]}'; sleep 0.2; printf '%s\\n' '{KEY[half:]}'"
    parts = compose(
        {"AGENT_LSP_MODEL": script({"calls": [call("run_command", command=command)]}, {"text": "done"}),
         "AGENT_LSP_STATE_DIR": str(state), "ANTHROPIC_API_KEY": KEY},
        [str(workspace)], NoEditor(),
    )  # fmt: skip
    house = House(parts)
    await house.ask()
    await house.agent.close()
    outputs = [seen.event.text for seen in house.seen if isinstance(seen.event, ToolCallOutput)]

    assert outputs == ["[redacted: key of a model]\n"]


async def test_a_fetched_key_is_known_from_then_on(workspace: Path, state: Path, tmp_path: Path) -> None:
    config = workspace / "key"
    config.write_text(KEY)
    replies = (
        _calls(("run_command", {"command": "cat key"})),
        Reply((delta("stop", content="done"), b"data: [DONE]\n\n")),
    )
    async with Provider(*replies).serving() as provider:
        environment = {
            "AGENT_LSP_MODEL": "openai-chat:m",
            "AGENT_LSP_BASE_URL": provider.url,
            "AGENT_LSP_STATE_DIR": str(state),
            "AGENT_LSP_API_KEY_COMMAND": f"cat {config}",
        }
        house = House(compose(environment, [str(workspace)], NoEditor()))
        await house.ask()
        results = _results(house)
        await house.agent.close()

    assert results == ["[redacted: key of a model]\n"]


async def test_the_log_has_no_key_in_words_values_or_tracebacks(workspace: Path, state: Path) -> None:
    parts = compose({"AGENT_LSP_STATE_DIR": str(state), "OPENAI_API_KEY": KEY}, [str(workspace)], NoEditor())
    parts.log.write("asked", {"headers": [{"authorization": f"Bearer {KEY}"}], "status": 401})
    try:
        raise ValueError(KEY)
    except ValueError:
        logging.getLogger("agent_lsp.session").exception("it failed with %s", TOKEN)
    await Agent(parts).close()
    asked, failed = (json.loads(line)["data"] for line in (state / "log.jsonl").read_text().splitlines())

    assert asked == {"headers": [{"authorization": "Bearer [redacted: key of a model]"}], "status": 401}
    assert failed["message"] == "it failed with [redacted: GitHub token]"
    assert failed["traceback"].endswith("ValueError: [redacted: key of a model]\n")


async def test_a_key_is_not_cut_in_two_where_a_result_is_cut(workspace: Path, state: Path) -> None:
    lines = "".join(f"{KEY}{'x' * (index % 7)}\n" for index in range(200))
    (workspace / "keys.txt").write_text(lines)
    replies = (
        _calls(("run_command", {"command": "tr -d '\\n' <keys.txt"})),
        Reply((delta("stop", content="done"), b"data: [DONE]\n\n")),
    )
    async with Provider(*replies).serving() as provider:
        environment = {
            "AGENT_LSP_MODEL": "openai-chat:m",
            "AGENT_LSP_BASE_URL": provider.url,
            "AGENT_LSP_STATE_DIR": str(state),
            "AGENT_LSP_API_KEY": KEY,
            "AGENT_LSP_MAX_RESULT_CHARACTERS": "1010",
        }
        house = House(compose(environment, [str(workspace)], NoEditor()))
        await house.ask()
        results = _results(house)
        await house.agent.close()

    assert "are left out here" in results[0]
    assert not any(part in results[0] for part in (KEY[:8], KEY[-8:]))


def _results(house: House) -> list[str]:
    return [result.text for message in house.messages if isinstance(message, ToolMessage) for result in message.results]


def _calls(*calls: tuple[str, dict[str, Any]]) -> Reply:
    parts = [
        {"index": index, "id": f"call_{name}_{index}", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for index, (name, arguments) in enumerate(calls)
    ]
    return Reply((delta("tool_calls", tool_calls=parts), b"data: [DONE]\n\n"))
