"""A client that plays a stock editor and its user."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.raw_client import Client


def ask(client: Client, prompt: str = "go", **more: Any) -> dict[str, Any]:
    done: dict[str, Any] = client.command("agent.ask", {"prompt": prompt, "wait": True, **more})
    return done


def results(client: Client, session: str) -> list[str]:
    entries = client.command("agent.session", {"sessionId": session})["entries"]
    return [result["text"] for entry in entries if entry.get("role") == "tool" for result in entry["results"]]


class Buffer:
    """A document in an editor that applies edits as LSP says."""

    def __init__(self, client: Client, path: Path, text: str) -> None:
        self.client, self.text, self.version = client, text, 1
        self.uri = client.open(path, text)
        self.applied: list[Any] = []
        client.answers["workspace/applyEdit"] = self.apply

    def apply(self, params: Any) -> Any:
        self.applied.append(params)
        [document] = params["edit"]["documentChanges"]
        if document["textDocument"]["version"] != self.version:
            return {"applied": False, "failureReason": "stale"}
        lines = self.text.splitlines(keepends=True)
        for edit in reversed(document["edits"]):
            start, end = edit["range"]["start"], edit["range"]["end"]
            lines[start["line"] : end["line"]] = [edit["newText"]]
        self.type("".join(lines))
        return {"applied": True}

    def type(self, text: str) -> None:
        self.text, self.version = text, self.version + 1
        self.client.change(self.uri, text, self.version)


def answers(client: Client, title: str | None, delay: float = 0.6) -> list[Any]:
    """The user of a stock editor: chooses an action of each message box after a moment."""
    asked: list[Any] = []

    def choose(params: Any) -> Any:
        asked.append(params)
        time.sleep(delay)  # a user's time to read: an answer within half a second counts as typed through
        return None if title is None else {"title": title}

    client.answers["window/showMessageRequest"] = choose
    return asked


def alive(client: Client) -> bool:
    status: dict[str, Any] = client.command("agent.status")
    return bool(status["version"])


def wait_until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)
