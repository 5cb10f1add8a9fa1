"""One test for each thing in which our transport and protocol differ from pygls' own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import call
from tests.lsp.conftest import Start
from tests.raw_client import SILENT, Client, Error
from tests.stock_editor import alive, wait_until

Script = Callable[..., str]


@pytest.fixture
def client(daemon: Start, workspace: Path, script: Script) -> Client:
    client = daemon(script({"text": "one two three four", "delay_ms": 1_000}))
    client.start(workspace)
    return client


def keeping(seen: list[Any]) -> Callable[[Any], Any]:
    """A client that says yes to every edit and keeps it."""

    def keep(params: Any) -> Any:
        seen.append(params)
        return {"applied": True}

    return keep


def test_cancelling_the_request_cancels_the_command_and_answers_with_its_result(client: Client) -> None:
    asked = client.request(
        "workspace/executeCommand", {"command": "agent.ask", "arguments": [{"prompt": "go", "wait": True}]}
    )
    client.wait_event("textDelta")
    client.notify("$/cancelRequest", {"id": asked})
    answer = client.wait_answer(asked)
    assert answer["result"]["stopReason"] == "cancelled"
    assert client.command("agent.status")["turns"] == []


def test_cancelling_a_request_of_our_own_answers_with_its_result(client: Client) -> None:
    asked = client.request("agent/ask", {"prompt": "go"})
    client.wait_event("textDelta")
    client.notify("$/cancelRequest", {"id": asked})
    assert client.wait_answer(asked)["result"]["stopReason"] == "cancelled"


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
def test_a_body_that_is_no_message_gets_an_error_answer(client: Client, body: bytes, code: int) -> None:
    client.send_bytes(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    error = client.wait(lambda m: "error" in m and m.get("id") is None)["error"]
    assert error["code"] == code
    assert alive(client)


@pytest.mark.parametrize(
    "header", [b"content-length:%d\r\n\r\n", b"Content-Length:  %d \n\n", b"X: y\r\nContent-Length: %d\r\n\r\n"]
)
def test_odd_headers_are_read(client: Client, header: bytes) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "shutdown"}).encode()
    client.send_bytes(header % len(body) + body)
    assert client.wait_answer(77)["result"] is None


def test_a_message_that_is_too_large_is_refused_and_the_next_one_read(client: Client) -> None:
    size = (64 << 20) + 1
    client.send_bytes(b"Content-Length: %d\r\n\r\n" % size)
    for _ in range(64):
        client.send_bytes(b"x" * (1 << 20))
    client.send_bytes(b"x")
    error = client.wait(lambda m: "error" in m and m.get("id") is None)["error"]
    assert "too large" in error["message"]
    assert alive(client)


@pytest.mark.parametrize("params", [None, {}, {"command": 5}, []])
def test_invalid_params_of_a_known_request_are_answered(client: Client, params: object) -> None:
    answer = client.wait_answer(client.request("workspace/executeCommand", params))
    assert answer["error"]["code"] == -32602


def test_an_unknown_command_and_an_unknown_method_are_answered(client: Client) -> None:
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


def test_params_with_a_nested_jsonrpc_key_stay_plain(client: Client) -> None:
    inner = {"jsonrpc": "2.0", "method": "x", "type_name": "y", "1a": 2}
    started = client.command("agent.ask", {"prompt": "go", "context": {"diagnostics": [inner]}})
    assert started["turnId"].startswith("turn_")


def test_an_answer_of_the_wrong_shape_hangs_nothing(daemon: Start, workspace: Path, script: Script) -> None:
    odd_answers: list[Any] = [None, {}, [], "yes", {"decision": 5}, {"decision": "maybe"}]
    for odd in odd_answers:
        client = daemon(script({"calls": [call("write_file", path="a", content="b")]}, {"text": "end"}))
        client.answers["agent/requestApproval"] = lambda _, odd=odd: odd  # type: ignore[misc]
        client.start(workspace, {"approvals": True})
        done = client.command("agent.ask", {"prompt": "go", "wait": True})
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
