"""The floor: the least agent loop over pygls and httpx. It asks nobody, keeps nothing and handles no error."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygls.lsp.server import LanguageServer

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]  # Any: a JSON tree


def tool(name: str, argument: str) -> Json:
    schema = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}


TOOLS = [tool("read_file", "path"), tool("run_command", "command")]


class Floor:
    """Turns of one client, each a task; they share one HTTP client, made when it is first needed."""

    def __init__(self, server: LanguageServer, url: str, folder: Path) -> None:
        self._server, self._url, self._folder = server, url, folder
        self._http: httpx.AsyncClient | None = None
        self._turns: set[asyncio.Task[None]] = set()

    def ask(self, params: Json) -> Json:
        """Starts a turn and says at once that it runs."""
        turn = asyncio.create_task(self._turn(params["prompt"]))
        self._turns.add(turn)
        turn.add_done_callback(self._turns.discard)
        return {"turnId": "turn", "sessionId": "session"}

    def cancel(self) -> Json:
        for turn in self._turns:
            turn.cancel()
        return {"cancelled": ["turn"]}

    async def _turn(self, prompt: str) -> None:
        messages: list[Json] = [{"role": "system", "content": "You are an agent."}, {"role": "user", "content": prompt}]
        try:
            while calls := await self._answer(messages):
                messages.append({"role": "assistant", "content": None, "tool_calls": calls})
                for call in calls:
                    result = await self._perform(call["function"])
                    messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        finally:
            self._show("turnFinished", "")

    async def _answer(self, messages: list[Json]) -> list[Json]:
        calls: list[Json] = []
        body = json.dumps({"model": "bench", "stream": True, "messages": messages, "tools": TOOLS})
        async with self._client().stream("POST", f"{self._url}/chat/completions", content=body) as response:
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                for choice in json.loads(line[6:])["choices"]:
                    calls += choice["delta"].get("tool_calls") or []
                    if text := choice["delta"].get("content"):
                        self._show("textDelta", text)
        return [{name: call[name] for name in ("id", "type", "function")} for call in calls]

    async def _perform(self, function: Json) -> str:
        arguments: dict[str, str] = json.loads(function["arguments"])
        if function["name"] == "read_file":
            return (self._folder / arguments["path"]).read_text()
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            arguments["command"],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return (await process.communicate())[0].decode()

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            import httpx  # at the first prompt: until then it would only delay the start

            self._http = httpx.AsyncClient(timeout=None, headers={"content-type": "application/json"})
        return self._http

    def _show(self, kind: str, text: str) -> None:
        self._server.protocol.notify("agent/event", {"kind": kind, "text": text})


def main(url: str, folder: Path) -> None:
    """Serves on standard input and output: `agent.ask`, `agent.cancel`, and `agent/event`."""
    server = LanguageServer("floor", "0")
    floor = Floor(server, url, folder)

    @server.command("agent.ask")
    async def ask(params: Json) -> Json:
        return floor.ask(params)

    @server.command("agent.cancel")
    async def cancel(_: Json) -> Json:
        return floor.cancel()

    server.start_io()
    sys.stdout.flush()
    os._exit(0)  # the thread that reads may still wait for input


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
