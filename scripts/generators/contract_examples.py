"""Examples of the contract, recorded from a real daemon that a scripted model drives."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from agent_lsp.contract.names import NOTIFICATION_EVENT, REQUEST_APPROVAL, REQUEST_ASK, CommandName

Json = dict[str, Any]  # Any: a JSON tree
_HOME = "/home/you"
_YES = {"decision": "allow_once"}
_SLOW = 50  # milliseconds before each word of an answer that something else is to reach
_EDIT = {"tool": "edit_file", "arguments": {"path": "poem.txt", "edits": [{"old_text": "red", "new_text": "white"}]}}
_DELETE = {"tool": "delete_file", "arguments": {"path": "poem.txt"}}
_RUN = {"tool": "run_command", "arguments": {"command": "echo two lines | tee count.txt"}}
_SCRIPT = {
    "turns": [{"text": "Hello."}],
    "when": {
        "white": [
            {"thinking": "One word has to change.", "text": "I change it.", "calls": [_EDIT]},
            {"text": "The roses are white now."},
        ],
        "burn": [{"text": "I delete it.", "calls": [_DELETE]}, {"text": "The poem stays."}],
        "lines": [
            {"text": "I count them.", "calls": [_RUN]},
            {"text": "Two lines."},
        ],
        "busy": [{"fault": {"error": {"status": 503, "retry_after": 0.01}}}],
        "tale": [{"text": " ".join(["Once upon a time there was a rose."] * 200), "delay_ms": _SLOW}],
    },
}


@dataclass(slots=True)
class Recorded:
    """What a run said: the params and answers of methods by name, events and entries by kind."""

    params: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    answers: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    events: dict[str, Json] = field(default_factory=dict)
    entries: dict[str, Json] = field(default_factory=dict)


@cache
def recorded() -> Recorded:
    """Run the daemon once and return what it said, with ids, times, paths and digests that are the same in each run."""
    with tempfile.TemporaryDirectory(prefix="agent-lsp-examples-") as folder:
        home = Path(folder).resolve()
        daemon = _Daemon(home)
        try:
            _play(daemon)
        finally:
            daemon.end()
        return _kept(daemon, _Names(home))


class _Daemon:
    """A daemon with a workspace of its own, and all that was said to and by it."""

    def __init__(self, home: Path) -> None:
        self.workspace, self.said = home / "poems", list[Json]()
        (self.workspace / ".agent").mkdir(parents=True)
        (self.workspace / ".agent" / "config.toml").write_text("maxSteps = 20\n")
        (self.workspace / "poem.txt").write_text("roses are red\nviolets are blue\n")
        (home / "script.yaml").write_text(yaml.safe_dump(_SCRIPT))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agent_lsp", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(home),
        )
        self._number, self.answers = 0, True

    def call(self, method: str, params: Json) -> Any:  # Any: the answer's JSON
        """Send a request and return its answer; what comes before that is kept, and questions are answered yes."""
        number = self.send(method, params)
        answer = self.until(lambda message: message.get("id") == number and "method" not in message)
        if "error" in answer:
            raise RuntimeError(f"{method} failed: {answer['error']}")
        return answer["result"]

    def command(self, name: CommandName, params: Json) -> Any:  # Any: the answer's JSON
        """Run a command and return its answer."""
        return self.call("workspace/executeCommand", {"command": name, "arguments": [params]})

    def send(self, method: str, params: Json) -> int:
        """Send a request and return its id."""
        self._number += 1
        self._write({"id": self._number, "method": method, "params": params})
        return self._number

    def notify(self, method: str, params: Json) -> None:
        self._write({"method": method, "params": params})

    def until(self, wanted: Callable[[Json], bool]) -> Json:
        """Read until a message is wanted, or was."""
        for message in self.said:
            if wanted(message):
                return message
        while True:
            message = self._read()
            self.said.append(message)
            if message.get("method") == REQUEST_APPROVAL and self.answers:
                self._write({"id": message["id"], "result": _YES})
            if wanted(message):
                return message

    def event(self, kind: str, turn_id: str) -> Json:
        """Read until there is an event of a turn."""

        def is_it(message: Json) -> bool:
            params = message.get("params", {})
            is_event = message.get("method") == NOTIFICATION_EVENT
            return is_event and (params["kind"], params["turnId"]) == (kind, turn_id)

        return self.until(is_it)

    def end(self) -> None:
        """End it by the book, or else at once."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _write(self, message: Json) -> None:
        if message.get("method") and "id" in message:
            self.said.append(message)
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> Json:
        stream, length = self._process.stdout, 0
        assert stream
        while (line := stream.readline()) != b"\r\n":
            if not line:
                raise RuntimeError("the daemon ended before its answer")
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        message: Json = json.loads(stream.read(length))
        return message


def _environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AGENT_LSP_")}
    return {
        **inherited,
        "AGENT_LSP_MODEL": f"scripted:{home / 'script.yaml'}",
        "AGENT_LSP_STATE_DIR": str(home / "state"),
        "AGENT_LSP_LOCAL_SERVERS": " ",
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
    }


def _play(daemon: _Daemon) -> None:
    """Call every method once, in an order that makes sense."""
    options = {"protocol": 1, "events": True, "approvals": True, "renders": ["progress", "approval", "chat", "trust"]}
    root = daemon.workspace.as_uri()
    daemon.call(
        "initialize",
        {
            "processId": None,
            "rootUri": root,
            "workspaceFolders": [{"uri": root, "name": "poems"}],
            "capabilities": {},
            "initializationOptions": {"agent": options},
        },
    )
    daemon.notify("initialized", {})
    trust = daemon.command(CommandName.TRUST, {})
    daemon.command(CommandName.ESTIMATE, {"prompt": "make the roses white"})
    context = {"uri": (daemon.workspace / "poem.txt").as_uri()}
    asked = daemon.command(CommandName.ASK, {"prompt": "make the roses white", "context": context})
    daemon.event("turnFinished", asked["turnId"])
    session = {"sessionId": asked["sessionId"]}
    entries = daemon.command(CommandName.SESSION, session)["entries"]
    changed = [entry["seq"] for entry in entries if entry["kind"] == "filesChanged"][-1]
    daemon.command(CommandName.CHANGES, {**session, "entryId": changed})
    daemon.command(CommandName.UNDO, session)
    daemon.command(CommandName.REDO, session)
    daemon.command(CommandName.BRANCH, {**session, "entryId": entries[0]["seq"]})
    daemon.command(CommandName.TRUST, {"digest": trust["digest"]})
    _play_interrupted(daemon, session)
    daemon.command(CommandName.SESSIONS, {})
    daemon.command(CommandName.CONTINUE, session)
    daemon.call(REQUEST_ASK, {"prompt": "say hello"})


def _play_interrupted(daemon: _Daemon, session: Json) -> None:
    """A question that is answered by command, a prompt that joins a turn, and a turn that is cancelled."""
    daemon.answers = False
    turn = daemon.command(CommandName.ASK, {**session, "prompt": "burn the poem"})["turnId"]
    asked = daemon.event("approvalRequested", turn)["params"]
    daemon.command(CommandName.STATUS, {})
    daemon.command(
        CommandName.DECIDE, {"approvalId": asked["approvalId"], "decision": "reject", "feedback": "Keep it."}
    )
    daemon.event("turnFinished", turn)
    daemon.command(CommandName.SESSION, session)
    turn = daemon.command(CommandName.ASK, {"prompt": "count the lines"})["turnId"]
    counting = daemon.event("approvalRequested", turn)["params"]
    daemon.command(CommandName.ASK, {"sessionId": counting["sessionId"], "prompt": "and the words"})
    daemon.command(CommandName.DECIDE, {"approvalId": counting["approvalId"], **_YES})
    daemon.event("turnFinished", turn)
    daemon.command(CommandName.SESSION, {"sessionId": counting["sessionId"]})
    turn = daemon.command(CommandName.ASK, {"prompt": "are you busy?"})["turnId"]
    daemon.event("turnFinished", turn)
    turn = daemon.command(CommandName.ASK, {"prompt": "tell a tale"})["turnId"]
    daemon.event("textDelta", turn)
    daemon.command(CommandName.CANCEL, {"turnId": turn})
    daemon.event("turnFinished", turn)


class _Names:
    """Puts what differs between runs into words that do not."""

    _CHANGING = re.compile(r"\b(session|turn|approval|undo|redo|branch|call)_[0-9a-zA-Z]+|\b[0-9a-f]{64}\b")
    _TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

    def __init__(self, home: Path) -> None:
        self._home, self._known, self._counts = str(home), dict[str, str](), dict[str, int]()

    def steady(self, value: Any) -> Any:  # Any: JSON
        """Return JSON with the same names in each run."""
        text = json.dumps(value).replace(self._home, _HOME)
        text = self._TIME.sub("2026-01-01T12:00:00.000Z", text)
        return json.loads(self._CHANGING.sub(self._name, text))

    def _name(self, found: re.Match[str]) -> str:
        kind = found[1] or "digest"
        if found[0] not in self._known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            number = self._counts[kind]
            self._known[found[0]] = f"{kind}_{number}" if found[1] else sha256(str(number).encode()).hexdigest()
        return self._known[found[0]]


def _kept(daemon: _Daemon, names: _Names) -> Recorded:
    """The first example of each method, event and entry."""
    kept, asked = Recorded(), dict[object, str]()
    for raw in daemon.said:
        message = names.steady(raw)
        match message:
            case {"method": "workspace/executeCommand", "params": {"command": name, "arguments": [params]}}:
                asked[message["id"]] = name
                kept.params.setdefault(name, params)
            case {"method": str(name), "id": number, "params": params}:
                asked[number] = name
                kept.params.setdefault(name, params)
            case {"method": "agent/event", "params": event}:
                kept.events.setdefault(event["kind"], event)
            case {"id": number, "result": result}:
                kept.answers.setdefault(asked[number], result)
                if asked[number] == CommandName.SESSION:
                    kept.entries.update({_entry(one): one for one in reversed(result["entries"])})
    kept.answers[REQUEST_APPROVAL] = _YES
    kept.answers[CommandName.ESTIMATE]["inputTokens"] = 1800  # changes with every word that a model is told
    kept.answers[CommandName.STATUS]["sandbox"] = "bubblewrap"  # what this machine has
    kept.answers[CommandName.SESSIONS] = [
        one for one in kept.answers[CommandName.SESSIONS] if one["sessionId"] == "session_1"
    ]
    return kept


def _entry(entry: Json) -> str:
    """Its kind, and of a message its role."""
    return f"{entry['kind']} {entry['role']}" if "role" in entry else str(entry["kind"])
