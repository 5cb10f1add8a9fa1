"""One test for each thing in which our transport and protocol differ from pygls' own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Start, call
from tests.raw_client import SILENT, Error, RawClient
from tests.security.confined import working_in

Script = Callable[..., str]


@pytest.fixture
def client(daemon: Start, workspace: Path, script: Script) -> RawClient:
    client = daemon(script({"text": "one two three four", "delay_ms": 300}))
    client.start(workspace)
    return client


def alive(client: RawClient) -> bool:
    status: dict[str, Any] = client.command("agent.status")
    return bool(status["version"])


def keeping(seen: list[Any]) -> Callable[[Any], Any]:
    """A client that says yes to every edit and keeps it."""

    def keep(params: Any) -> Any:
        seen.append(params)
        return {"applied": True}

    return keep


def wait_until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def test_cancelling_the_request_cancels_the_command_and_answers_with_its_result(client: RawClient) -> None:
    asked = client.request(
        "workspace/executeCommand", {"command": "agent.ask", "arguments": [{"prompt": "go", "wait": True}]}
    )
    client.wait_event("textDelta")
    client.notify("$/cancelRequest", {"id": asked})
    answer = client.wait_answer(asked, 2)
    assert answer["result"]["stopReason"] == "cancelled"
    assert client.command("agent.status")["turns"] == []


def test_cancelling_a_request_of_our_own_answers_with_its_result(client: RawClient) -> None:
    asked = client.request("agent/ask", {"prompt": "go"})
    client.wait_event("textDelta")
    client.notify("$/cancelRequest", {"id": asked})
    assert client.wait_answer(asked, 2)["result"]["stopReason"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{broken", -32700),
        (b"\xff\xfe", -32700),
        (b"null", -32600),
        (b"[]", -32600),
        (b"7", -32600),
        (b'{"id": 1, "method": "initialize"}', -32600),
        (b"[" * 100_000, -32700),
    ],
)
def test_a_body_that_is_no_message_gets_an_error_answer(client: RawClient, body: bytes, code: int) -> None:
    client.send_bytes(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    error = client.wait(lambda m: "error" in m and m.get("id") is None)["error"]
    assert error["code"] == code
    assert alive(client)


@pytest.mark.parametrize(
    "header", [b"content-length:%d\r\n\r\n", b"Content-Length:  %d \n\n", b"X: y\r\nContent-Length: %d\r\n\r\n"]
)
def test_odd_headers_are_read(client: RawClient, header: bytes) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "shutdown"}).encode()
    client.send_bytes(header % len(body) + body)
    assert client.wait_answer(77)["result"] is None


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
    assert client.process.wait(5) == 1


def test_a_message_that_is_too_large_is_refused_and_the_next_one_read(client: RawClient) -> None:
    size = (64 << 20) + 1
    client.send_bytes(b"Content-Length: %d\r\n\r\n" % size)
    for _ in range(64):
        client.send_bytes(b"x" * (1 << 20))
    client.send_bytes(b"x")
    error = client.wait(lambda m: "error" in m and m.get("id") is None)["error"]
    assert "too large" in error["message"]
    assert alive(client)


@pytest.mark.parametrize("params", [None, {}, {"command": 5}, []])
def test_invalid_params_of_a_known_request_are_answered(client: RawClient, params: object) -> None:
    answer = client.wait_answer(client.request("workspace/executeCommand", params))
    assert answer["error"]["code"] == -32602


def test_an_unknown_command_and_an_unknown_method_are_answered(client: RawClient) -> None:
    with pytest.raises(Error) as unknown:
        client.command("agent.nonsense")
    assert unknown.value.code == -32602
    with pytest.raises(Error) as method:
        client.call("agent/nonsense", {})
    assert method.value.code == -32601


def test_requests_before_initialize_and_after_shutdown_are_refused(daemon: Start, workspace: Path) -> None:
    client = daemon()
    with pytest.raises(Error) as early:
        client.call("workspace/executeCommand", {"command": "agent.status"})
    assert early.value.code == -32002
    client.start(workspace)
    client.call("shutdown", None)
    with pytest.raises(Error) as late:
        client.command("agent.status")
    assert late.value.code == -32600


def test_params_with_a_nested_jsonrpc_key_stay_plain(client: RawClient) -> None:
    inner = {"jsonrpc": "2.0", "method": "x", "type_name": "y", "1a": 2}
    started = client.command("agent.ask", {"prompt": "go", "context": {"diagnostics": [inner]}})
    assert started["turnId"].startswith("turn_")


def test_shutdown_while_a_command_runs_answers_null_and_exit_ends_with_zero(client: RawClient) -> None:
    client.request("workspace/executeCommand", {"command": "agent.ask", "arguments": [{"prompt": "go", "wait": True}]})
    client.wait_event("textDelta")
    assert client.stop() == 0


def test_exit_without_shutdown_ends_with_one(client: RawClient) -> None:
    client.notify("exit", None)
    assert client.process.wait(5) == 1


def test_the_end_of_input_ends_the_daemon_and_the_turn_is_recorded_as_cancelled(
    client: RawClient, daemon: Start, workspace: Path
) -> None:
    session = client.command("agent.ask", {"prompt": "go"})["sessionId"]
    client.wait_event("textDelta")
    assert client.process.stdin
    client.process.stdin.close()
    assert client.process.wait(5) == 1
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
    assert client.process.wait(5) == 1
    wait_until(lambda: not working_in(workspace), 1)


def test_the_daemon_ends_with_the_process_that_the_client_named(daemon: Start, workspace: Path) -> None:
    client = daemon()
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    params = {**client.initialize_params(workspace, None), "processId": parent.pid}
    client.call("initialize", params)
    client.notify("initialized", {})
    parent.kill()
    parent.wait()
    assert client.process.wait(5) == 1


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
    assert client.process.wait(20) == 1


def test_what_is_printed_does_not_reach_the_client(state: Path, workspace: Path, tmp_path: Path) -> None:
    printing = tmp_path / "printing.py"
    printing.write_text(
        "import sys, os\nfrom agent_lsp import cli\nload = cli._load_door\n"
        "def loud():\n    print('noise'); os.system('echo more noise'); return load()\n"
        "cli._load_door = loud\ncli.main(['serve'])\n"
    )
    client = RawClient(state, argv=[sys.executable, str(printing)])
    try:
        client.start(workspace)
        assert alive(client)
        assert client.stop() == 0
        wait_until(lambda: b"noise" in client.stderr)
    finally:
        client.kill()


def test_an_answer_of_the_wrong_shape_hangs_nothing(daemon: Start, workspace: Path, script: Script) -> None:
    odd_answers: list[Any] = [None, {}, [], "yes", {"decision": 5}, {"decision": "maybe"}]
    for odd in odd_answers:
        client = daemon(script({"calls": [call("write_file", path="a", content="b")]}, {"text": "end"}))
        client.answers["agent/requestApproval"] = lambda _, odd=odd: odd  # type: ignore[misc]
        client.start(workspace, {"approvals": True})
        done = client.command("agent.ask", {"prompt": "go", "wait": True}, 10)
        assert (done["stopReason"], (workspace / "a").exists()) == ("end_turn", False)
        client.kill()


def test_a_late_answer_to_a_settled_question_is_ignored(daemon: Start, workspace: Path, script: Script) -> None:
    client = daemon(script({"calls": [call("write_file", path="a", content="b")]}, {"text": "end"}))
    client.answers["agent/requestApproval"] = lambda _: SILENT
    client.start(workspace, {"approvals": True})
    client.command("agent.ask", {"prompt": "go"})
    question = client.wait(lambda m: m.get("method") == "agent/requestApproval")
    client.command("agent.decide", {"approvalId": question["params"]["approvalId"], "decision": "reject"})
    client.wait_event("turnFinished")
    cancelled = client.wait(lambda m: m.get("method") == "$/cancelRequest")
    assert cancelled["params"]["id"] == question["id"]
    client.send({"jsonrpc": "2.0", "id": question["id"], "result": {"decision": "allow_once"}})
    client.send({"jsonrpc": "2.0", "id": "never asked", "result": {}})
    assert alive(client)
    assert not (workspace / "a").exists()


def test_lines_end_at_cr_and_lf_only_and_sync_is_full(daemon: Start, workspace: Path, script: Script) -> None:
    text = "one\x0cstill one\u2028and\x85so\nzwei 😀 e\u0301\r\nthree"
    changed = text.replace("zwei", "two")
    edit = {"old_text": "zwei", "new_text": "two"}
    for encoding, units in (("utf-8", 13), ("utf-16", 10), ("utf-32", 9)):
        client = daemon(script({"calls": [call("edit_file", path="greeting.txt", edits=[edit])]}, {"text": "end"}))
        client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
        seen: list[Any] = []
        client.answers["workspace/applyEdit"] = keeping(seen)
        result = client.start(workspace, {"approvals": True}, general={"positionEncodings": [encoding]})
        assert result["capabilities"]["positionEncoding"] == encoding
        assert result["capabilities"]["textDocumentSync"]["change"] == 1
        uri = client.open(workspace / "greeting.txt", text)
        client.command("agent.ask", {"prompt": "go"})
        wait_until(lambda seen=seen: bool(seen))  # type: ignore[misc]
        client.change(uri, changed, 2)
        client.wait_event("turnFinished")
        [document] = seen[0]["edit"]["documentChanges"]
        assert document["textDocument"] == {"uri": uri, "version": 1}
        line = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": units}}
        assert document["edits"] == [{"range": line, "newText": "two 😀 e\u0301"}]  # for its line ends are mixed
        [finished] = client.events("toolCallFinished")
        assert finished["status"] == "done"
        client.kill()


@pytest.mark.parametrize(("encoding", "units"), [("utf-8", 7), ("utf-16", 5), ("utf-32", 4)])
def test_the_end_of_a_text_without_a_final_newline_is_given_in_the_clients_units(
    daemon: Start, workspace: Path, script: Script, encoding: str, units: int
) -> None:
    client = daemon(script({"calls": [call("write_file", path="greeting.txt", content="new\n")]}, {"text": "end"}))
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    seen: list[Any] = []
    client.answers["workspace/applyEdit"] = keeping(seen)
    client.start(workspace, {"approvals": True}, general={"positionEncodings": [encoding]})
    uri = client.open(workspace / "greeting.txt", "abc😀")
    client.command("agent.ask", {"prompt": "go"})
    wait_until(lambda: bool(seen))
    client.change(uri, "new\n", 2)
    client.wait_event("turnFinished")
    [edit] = seen[0]["edit"]["documentChanges"][0]["edits"]
    assert edit["range"]["end"] == {"line": 0, "character": units}


def test_only_frames_transport_and_names_of_the_contract_are_imported_when_initialize_is_answered(
    state: Path, workspace: Path, tmp_path: Path
) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import sys\nfrom agent_lsp import cli\n"
        "def load():\n"
        "    ours = sorted(m for m in sys.modules if m.startswith('agent_lsp'))\n"
        "    names = ('pydantic', 'httpx', 'watchfiles', 'yaml', 'sqlite3', 'genai_prices')\n"
        "    heavy = [m for m in names if m in sys.modules]\n"
        "    print('LOADED', ours, heavy, file=sys.stderr, flush=True)\n"
        "    raise SystemExit\n"
        "cli._load_door = load\ncli.main(['serve'])\n"
    )
    client = RawClient(state, argv=[sys.executable, str(probe)])
    try:
        client.start(workspace)
        wait_until(lambda: b"LOADED" in client.stderr)
        modules = ["agent_lsp", "agent_lsp.cli", "agent_lsp.contract"]
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
    wait_until(lambda: not working_in(workspace), 3)
