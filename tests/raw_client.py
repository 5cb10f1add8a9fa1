"""A small LSP client that can also send what no client should, and the daemon in a process behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

DAEMON = [sys.executable, "-m", "agent_lsp", "serve"]
Answer = Callable[[dict[str, Any]], Any]
"""Answers a request of the server: a value is the result; an `Error` an error; `SILENT` says nothing."""
SILENT = object()


class Error(Exception):
    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code, self.message = code, message


def daemon_environment(state: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a daemon of the tests may know: nothing of the user's own settings, keys, models and servers."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AGENT_LSP_", "OPENAI_", "ANTHROPIC_"))}
    return {
        **inherited,
        "AGENT_LSP_STATE_DIR": str(state),
        "XDG_CONFIG_HOME": str(state / "config"),
        "XDG_DATA_HOME": str(state / "data"),
        "AGENT_LSP_LOCAL_SERVERS": " ",
        **(more or {}),
    }


class Client:
    """Speaks LSP over two streams and keeps all that the other side says."""

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        """`stdin` is what the daemon reads, `stdout` what it writes."""
        self.stdin, self.stdout = stdin, stdout
        self.messages: list[dict[str, Any]] = []
        self.answers: dict[str, Answer] = {}
        self.stderr = b""
        self._next = 0
        self._lock = threading.Condition()
        self.reading = threading.Event()
        self.reading.set()
        threading.Thread(target=self._read, daemon=True).start()

    def ended(self, seconds: float = 60) -> int:
        """Waits for the daemon's end and returns its exit code."""
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        """Whether the daemon still serves."""
        raise NotImplementedError

    def kill(self) -> None:
        """Ends the daemon, if it has not ended."""
        raise NotImplementedError

    def send_bytes(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def send(self, message: object) -> None:
        body = json.dumps(message).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def notify(self, method: str, params: object) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: object) -> int:
        """Sends a request and returns its id; `wait_answer` has the answer."""
        self._next += 1
        self.send({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        return self._next

    def call(self, method: str, params: object, seconds: float = 60) -> Any:
        """Sends a request and returns its result, or raises its Error."""
        answer = self.wait_answer(self.request(method, params), seconds)
        if "error" in answer:
            raise Error(answer["error"]["code"], answer["error"]["message"])
        return answer.get("result")

    def command(self, name: str, params: object = None, seconds: float = 60) -> Any:
        arguments = [] if params is None else [params]
        return self.call("workspace/executeCommand", {"command": name, "arguments": arguments}, seconds)

    def wait_answer(self, msg_id: int, seconds: float = 60) -> dict[str, Any]:
        return self.wait(lambda m: m.get("id") == msg_id and "method" not in m, seconds)

    def wait(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 60) -> dict[str, Any]:
        """The first message, past or to come, that is wanted."""
        deadline = time.monotonic() + seconds
        with self._lock:
            while True:
                for message in self.messages:
                    if wanted(message):
                        return message
                left = deadline - time.monotonic()
                if left <= 0 or not self._lock.wait(left):
                    said = json.dumps(self.messages[-5:])[:2000]
                    raise AssertionError(
                        f"nothing came within {seconds} s; last: {said}; stderr: {self.stderr[-2000:]!r}"
                    )

    def wait_event(self, kind: str, seconds: float = 60) -> dict[str, Any]:
        found = self.wait(lambda m: m.get("method") == "agent/event" and m["params"]["kind"] == kind, seconds)
        params: dict[str, Any] = found["params"]
        return params

    def events(self, kind: str) -> list[dict[str, Any]]:
        with self._lock:
            return [
                m["params"] for m in self.messages if m.get("method") == "agent/event" and m["params"]["kind"] == kind
            ]

    def named(self, method: str) -> list[dict[str, Any]]:
        with self._lock:
            return [m["params"] for m in self.messages if m.get("method") == method]

    def start(self, root: Path | None, options: dict[str, Any] | None = None, **capabilities: Any) -> Any:
        """The handshake, with one workspace folder."""
        result = self.call("initialize", self.initialize_params(root, options, **capabilities))
        self.notify("initialized", {})
        return result

    def start_blind(self, root: Path) -> None:
        """The handshake of a client that reads no answer."""
        self.request("initialize", self.initialize_params(root, None))
        self.notify("initialized", {})

    def notify_command(self, name: str, params: object) -> None:
        """Sends a command without waiting for its answer."""
        self.request("workspace/executeCommand", {"command": name, "arguments": [params]})

    def initialize_params(
        self, root: Path | None, options: dict[str, Any] | None, **capabilities: Any
    ) -> dict[str, Any]:
        folders = [{"uri": root.as_uri(), "name": root.name}] if root else None
        return {
            "processId": os.getpid(),
            "rootUri": root.as_uri() if root else None,
            "workspaceFolders": folders,
            "capabilities": capabilities,
            "initializationOptions": {"agent": {"protocol": 1, "events": True, **(options or {})}},
        }

    def open(self, path: Path, text: str, version: int = 1) -> str:
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "text", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, text: str, version: int) -> None:
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def stop(self) -> int:
        """By the book; the exit code."""
        self.call("shutdown", None)
        self.notify("exit", None)
        return self.ended()

    def _read(self) -> None:
        stream = self.stdout
        while True:
            self.reading.wait()
            try:
                length = 0
                while (line := stream.readline()) not in {b"\r\n", b""}:
                    if line.lower().startswith(b"content-length"):
                        length = int(line.split(b":")[1])
                if line == b"":
                    return
                message = json.loads(stream.read(length))
            except (ValueError, OSError):
                return
            with self._lock:
                self.messages.append(message)
                self._lock.notify_all()
            if "method" in message and "id" in message:
                threading.Thread(target=self._answer, args=(message,), daemon=True).start()

    def _answer(self, message: dict[str, Any]) -> None:
        answer = self.answers.get(message["method"])
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            if answer is None:
                raise Error(-32601, f"no {message['method']}")
            result = answer(message["params"])
            if result is SILENT:
                return
            reply["result"] = result
        except Error as error:
            reply["error"] = {"code": error.code, "message": error.message}
        try:
            self.send(reply)
        except (OSError, ValueError):
            return


class RawClient(Client):
    """Starts the daemon as an editor would."""

    def __init__(self, state: Path, env: Mapping[str, str] | None = None, argv: list[str] | None = None) -> None:
        self.process = subprocess.Popen(
            argv or DAEMON,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=daemon_environment(state, env),
        )
        assert self.process.stdin
        assert self.process.stdout
        super().__init__(self.process.stdin, self.process.stdout)
        threading.Thread(target=self._read_stderr, daemon=True).start()

    def ended(self, seconds: float = 60) -> int:
        return self.process.wait(seconds)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue

    def _read_stderr(self) -> None:
        stream = self.process.stderr
        assert stream
        try:
            while piece := stream.read1(65536):  # type: ignore[attr-defined]  # a buffered reader
                self.stderr += piece
        except (OSError, ValueError):
            return
