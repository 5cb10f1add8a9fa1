"""A small LSP client for scripts/try: asks, shows the daemon's question with its diff, and plays the user."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

Json = dict[str, Any]  # Any: a JSON tree
SECONDS = 300


class Client:
    """Speaks LSP with `agent-lsp serve` over its standard input and output."""

    def __init__(self, daemon: asyncio.subprocess.Process) -> None:
        self._daemon = daemon
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._line_open = self._noted = False

    async def request(self, method: str, params: Json) -> Any:
        """Sends a request and waits for its result. Raises RuntimeError for an error answer."""
        self._number += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        self.send({"id": self._number, "method": method, "params": params})
        return await answer

    def send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._daemon.stdin
        self._daemon.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def listen(self) -> None:
        """Reads until the daemon closes its output."""
        stream, length = self._daemon.stdout, 0
        assert stream
        while line := await stream.readline():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            if line == b"\r\n":
                self._take(json.loads(await stream.readexactly(length)))

    def _take(self, message: Json) -> None:
        match message:
            case {"method": "agent/requestApproval", "id": number, "params": question}:
                self._approve(number, question)
            case {"method": "agent/event", "params": event}:
                self._show(event)
            case {"method": _, "id": number}:
                self.send({"id": number, "error": {"code": -32601, "message": "not here"}})
            case {"id": number, "error": error} if number in self._answers:
                self._answers.pop(number).set_exception(RuntimeError(error["message"]))
            case {"id": number, "result": result} if number in self._answers:
                self._answers.pop(number).set_result(result)

    def _approve(self, number: int, question: Json) -> None:
        self.line(f"  the daemon asks: {question['title']}")
        for line in question["detail"].splitlines():
            self.line(f"  | {line}")
        self.line("  this script plays the user and says: allow once")
        self.send({"id": number, "result": {"decision": "allow_once"}})

    def _show(self, event: Json) -> None:
        match event["kind"]:
            case "turnStarted":
                if not self._noted:
                    self.line(f"  {event['model']}: {event.get('note', '')}")
                self._noted = True
            case "textDelta":
                print(event["text"] if self._line_open else f"  {event['text']}", end="", flush=True)
                self._line_open = True
            case "toolCallStarted":
                self.line(f"  • {event['title']}")

    def line(self, text: str) -> None:
        """Prints a whole line, after whatever streams."""
        print(("\n" if self._line_open else "") + text, flush=True)
        self._line_open = False


async def main(workspace: Path, question: str, task: str) -> int:
    """Runs both asks; 0 when each ended as it should and the file is there."""
    daemon = await asyncio.create_subprocess_exec(
        "agent-lsp", "serve", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24
    )
    client = Client(daemon)
    listening = asyncio.create_task(client.listen())
    working = asyncio.create_task(converse(client, workspace, question, task))
    await asyncio.wait({listening, working}, return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        listening.result()
        raise SystemExit("the daemon ended before its answer")
    ended = working.result()
    code = await daemon.wait()
    return code if ended == ["end_turn", "end_turn"] and (workspace / "hello.py").exists() else 1


async def converse(client: Client, workspace: Path, question: str, task: str) -> list[str]:
    """The whole conversation with the daemon; how each turn ended."""
    answer = await client.request("initialize", handshake(workspace))
    if answer["serverInfo"]["name"] != "agent-lsp":
        raise SystemExit(f"the program 'agent-lsp' on the PATH is another one: {answer['serverInfo']['name']}")
    client.send({"method": "initialized", "params": {}})
    ended = [await ask(client, prompt) for prompt in (question, task)]
    await client.request("shutdown", {})
    client.send({"method": "exit", "params": {}})
    return ended


def handshake(workspace: Path) -> Json:
    folder = {"uri": workspace.as_uri(), "name": workspace.name}
    options = {"protocol": 1, "events": True, "approvals": True, "renders": ["progress", "approval", "chat"]}
    return {
        "processId": None,
        "rootUri": workspace.as_uri(),
        "workspaceFolders": [folder],
        "capabilities": {},
        "initializationOptions": {"agent": options},
    }


async def ask(client: Client, prompt: str) -> str:
    """One turn; how it ended."""
    started = time.monotonic()
    client.line(f"\n  > {prompt}")
    command = {"command": "agent.ask", "arguments": [{"prompt": prompt, "wait": True}]}
    done = await client.request("workspace/executeCommand", command)
    problem = f": {done['error']['message']}" if "error" in done else ""
    client.line(f"  {done['stopReason']}{problem} after {time.monotonic() - started:.1f} s")
    return str(done["stopReason"])


if __name__ == "__main__":
    folder, first, second = sys.argv[1:]
    sys.exit(asyncio.run(asyncio.wait_for(main(Path(folder), first, second), SECONDS)))
