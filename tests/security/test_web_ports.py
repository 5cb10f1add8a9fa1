"""Rows 3, 52, 55 and 70 of the published failures: the daemon listens on no port, whatever it does."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Start, call
from tests.proc import family, links

LISTENS = "0A"
TABLES = ("tcp", "tcp6", "udp", "udp6")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


def ports_of(pid: int) -> set[str]:
    """The TCP sockets that listen, and all UDP sockets, of a process and its children, as `/proc` knows them."""
    sockets = {link for process in family(pid) for link in links(process)}
    found = set()
    for table in TABLES:
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, status, *rest = line.split()
            if f"socket:[{rest[5]}]" in sockets and (status == LISTENS or table.startswith("udp")):
                found.add(f"{table} {local}")
    return found


def test_rows_3_52_55_and_70_there_is_no_port_to_connect_to(daemon: Start, workspace: Path, script: Any) -> None:
    tools = [
        call("read_file", path="greeting.txt"),
        call("search", pattern="hello"),
        call("run_command", command="touch here"),
        call("web_fetch", url=f"http://{socket.gethostname()}:9/"),  # a name, for an address would not be asked about
        call("write_file", path="new.txt", content="new\n"),
    ]
    client = daemon(script({"calls": tools}, {"text": "done", "delay_ms": 50}))
    found: list[set[str]] = []

    def allowed(_: object) -> dict[str, str]:
        found.append(ports_of(client.process.pid))
        return {"decision": "allow_once"}

    client.answers["agent/requestApproval"] = allowed
    client.start(workspace, {"protocol": 1, "approvals": True})
    found.append(ports_of(client.process.pid))
    answer = client.command("agent.ask", {"prompt": "go", "wait": True})
    found.append(ports_of(client.process.pid))

    assert (answer["stopReason"], (workspace / "new.txt").read_text()) == ("end_turn", "new\n")
    assert found == [set()] * 5


@pytest.mark.parametrize("kind", ["STREAM", "DGRAM"])
def test_a_program_that_opens_one_is_found_out(kind: str) -> None:
    program = (
        f"import socket, sys; s = socket.socket(type=socket.SOCK_{kind}); s.bind(('127.0.0.1', 0));"
        f" {'s.listen();' if kind == 'STREAM' else ''} print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as naive:
        assert naive.stdout
        assert naive.stdin
        assert naive.stdout.readline() == "open\n"
        found = ports_of(naive.pid)
        naive.stdin.close()

    assert len(found) == 1
