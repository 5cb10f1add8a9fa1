"""The daemon as a process: what ends it, its exit codes, its streams, and what it imports before it answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Start, call
from tests.raw_client import RawClient
from tests.security.confined import working_in
from tests.stock_editor import alive, wait_until

Script = Callable[..., str]


@pytest.fixture
def client(daemon: Start, workspace: Path, script: Script) -> RawClient:
    client = daemon(script({"text": "one two three four", "delay_ms": 1_000}))
    client.start(workspace)
    return client


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 99999999999999999999\r\n\r\n",
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
)
def test_a_header_that_cannot_be_trusted_is_answered_and_ends_the_daemon(client: RawClient, header: bytes) -> None:
    client.send_bytes(header)
    assert client.wait(lambda m: "error" in m and m.get("id") is None)["error"]["code"] == -32700
    assert client.ended() == 1


def test_shutdown_while_a_command_runs_answers_null_and_exit_ends_with_zero(client: RawClient) -> None:
    client.request("workspace/executeCommand", {"command": "agent.ask", "arguments": [{"prompt": "go", "wait": True}]})
    client.wait_event("textDelta")
    assert client.stop() == 0


def test_exit_without_shutdown_ends_with_one(client: RawClient) -> None:
    client.notify("exit", None)
    assert client.ended() == 1


def test_the_end_of_input_ends_the_daemon_and_the_turn_is_recorded_as_cancelled(
    client: RawClient, daemon: Start, workspace: Path
) -> None:
    session = client.command("agent.ask", {"prompt": "go"})["sessionId"]
    client.wait_event("textDelta")
    assert client.process.stdin
    client.process.stdin.close()
    assert client.ended() == 1
    again = daemon()
    again.start(workspace)
    entries = again.command("agent.session", {"sessionId": session})["entries"]
    assert entries[-1]["stopReason"] == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_daemon_and_its_commands(
    daemon: Start, workspace: Path, script: Script, number: signal.Signals
) -> None:
    client = daemon(script({"calls": [call("run_command", command="touch begun; exec sleep 60")]}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    client.command("agent.ask", {"prompt": "go"})
    wait_until((workspace / "begun").exists)
    assert working_in(workspace)
    client.process.send_signal(number)
    assert client.ended() == 1
    wait_until(lambda: not working_in(workspace))


def test_the_daemon_ends_with_the_process_that_the_client_named(daemon: Start, workspace: Path) -> None:
    client = daemon()
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    params = {**client.initialize_params(workspace, None), "processId": parent.pid}
    client.call("initialize", params)
    client.notify("initialized", {})
    parent.kill()
    parent.wait()
    assert client.ended() == 1


def test_a_process_id_that_is_not_alive_is_not_watched(daemon: Start, workspace: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    client = daemon()
    client.call("initialize", {**client.initialize_params(workspace, None), "processId": gone.pid})
    client.notify("initialized", {})
    assert alive(client)


def test_a_client_that_does_not_read_blocks_nothing(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"text": "x" * 60 + " word" * 40_000}, {"text": "never"}))
    client.reading.clear()
    client.start_blind(workspace)
    client.notify_command("agent.ask", {"prompt": "go"})
    assert client.process.stdin
    client.process.stdin.close()
    assert client.ended() == 1


def test_what_is_printed_does_not_reach_the_client(state: Path, workspace: Path, tmp_path: Path) -> None:
    printing = tmp_path / "printing.py"
    printing.write_text(
        "import sys, os\nfrom agent_lsp.cli import main as cli\nload = cli._load_handlers\n"
        "def loud():\n    print('noise'); os.system('echo more noise'); return load()\n"
        "cli._load_handlers = loud\ncli.main(['serve'])\n"
    )
    client = RawClient(state, argv=[sys.executable, str(printing)])
    try:
        client.start(workspace)
        assert alive(client)
        assert client.stop() == 0
        wait_until(lambda: b"noise" in client.stderr)
    finally:
        client.kill()


def test_only_frames_transport_and_names_of_the_contract_are_imported_when_initialize_is_answered(
    state: Path, workspace: Path, tmp_path: Path
) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import sys\nfrom agent_lsp.cli import main as cli\n"
        "def load():\n"
        "    ours = sorted(m for m in sys.modules if m.startswith('agent_lsp'))\n"
        "    names = ('pydantic', 'httpx', 'watchfiles', 'yaml', 'sqlite3', 'genai_prices')\n"
        "    heavy = [m for m in names if m in sys.modules]\n"
        "    print('LOADED', ours, heavy, file=sys.stderr, flush=True)\n"
        "    raise SystemExit\n"
        "cli._load_handlers = load\ncli.main(['serve'])\n"
    )
    client = RawClient(state, argv=[sys.executable, str(probe)])
    try:
        client.start(workspace)
        wait_until(lambda: b"LOADED" in client.stderr and client.stderr.endswith(b"\n"))
        modules = ["agent_lsp", "agent_lsp.cli", "agent_lsp.cli.main", "agent_lsp.contract"]
        modules += [f"agent_lsp.contract.{name}" for name in ("codec", "handshake", "names")]
        modules += ["agent_lsp.conversation", "agent_lsp.conversation.uris"]
        modules += ["agent_lsp.lsp", "agent_lsp.lsp.frames", "agent_lsp.lsp.server", "agent_lsp.lsp.transport"]
        assert client.stderr.split(b"\n")[0].decode() == f"LOADED {modules} []"
    finally:
        client.kill()


def test_no_process_is_left_after_a_kill_in_mid_command(daemon: Start, workspace: Path, script: Script) -> None:
    line = "touch begun; (setsid sleep 61 &) ; exec sleep 60"
    client = daemon(script({"calls": [call("run_command", command=line)]}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    client.command("agent.ask", {"prompt": "go"})
    wait_until((workspace / "begun").exists)
    assert working_in(workspace)
    os.kill(client.process.pid, signal.SIGKILL)
    wait_until(lambda: not working_in(workspace))
