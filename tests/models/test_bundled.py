"""The bundled model, really: llama.cpp in its child process, and the model file that users get."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    ResultStatus,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from agent_lsp.models import BadResponse, Completed, NoModel, Request, TextChunk, ToolSpec
from agent_lsp.models.bundled.bundled import WINDOW, BundledModel
from agent_lsp.models.bundled.llama_child import threads
from agent_lsp.models.bundled.llama_server import LlamaServer, Running, socket_folder
from agent_lsp.processes.run import Processes
from tests.proc import alive, links

# A model that shares its cores answers many times slower: its threads wait for one another at every step.
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
    pytest.mark.slow,
    pytest.mark.usefixtures("one_core"),
]

MAIN = "import sys\n\nprint(len(open(sys.argv[1]).read().split()))\n"
FILES = ("README.md", "main.py", "src/util.py", "tests/test_main.py", "setup.cfg")
TOOLS = ("read_file", "list_files", "write_file", "edit_file", "run_command")
CHILD = Path(__file__).parents[2] / "agent_lsp" / "models" / "bundled" / "llama_child.py"


async def list_files() -> Sequence[str]:
    return FILES


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[BundledModel, None]:
    model = BundledModel(model_file, tmp_path_factory.mktemp("state"), list_files, Processes())
    yield model
    await model.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[LlamaServer, None]:
    server = LlamaServer(model_file, tmp_path_factory.mktemp("state"), WINDOW, Processes())
    yield server
    await server.close()


async def ask(model: BundledModel, *messages: Message, tools: Sequence[str] = TOOLS) -> AssistantMessage:
    """The answer, after a look at whether the stream agrees with it."""
    request = Request("", messages, tuple(ToolSpec(name, "", {}) for name in tools), 1000)
    *chunks, last = [chunk async for chunk in model.stream(request)]
    assert isinstance(last, Completed)
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk)) == last.message.text
    return last.message


def called(message: AssistantMessage) -> tuple[str, str | None]:
    if not message.calls:
        return "answer", None
    return message.calls[0].tool, json.loads(message.calls[0].arguments).get("path")


def result(message: AssistantMessage, text: str, status: ResultStatus = ResultStatus.DONE) -> ToolMessage:
    return ToolMessage(tuple(ToolResult(call.id, text, status) for call in message.calls))


async def test_it_reads_a_named_file_and_answers(model: BundledModel) -> None:
    prompt = UserMessage("What does main.py do?")
    read = await ask(model, prompt)
    assert called(read) == ("read_file", "main.py")
    answer = await ask(model, prompt, read, result(read, MAIN))
    assert answer.text.strip()
    assert not answer.calls
    assert answer.usage.output_tokens > 0


async def test_it_creates_a_named_file(model: BundledModel) -> None:
    prompt = UserMessage("Create hello.py that prints hello")
    write = await ask(model, prompt)
    assert called(write) == ("write_file", "hello.py")
    content = json.loads(write.calls[0].arguments)["content"]
    compile(content, "hello.py", "exec")
    assert "```" not in content
    done = await ask(model, prompt, write, result(write, "created hello.py"))
    assert done.text.strip()
    assert not done.calls


async def test_it_reads_one_file_to_write_another(model: BundledModel) -> None:
    prompt = UserMessage("Write a unit test for main.py in tests/test_new.py")
    read = await ask(model, prompt)
    assert called(read) == ("read_file", "main.py")
    write = await ask(model, prompt, read, result(read, MAIN))
    assert called(write) == ("write_file", "tests/test_new.py")


async def test_it_says_that_the_user_rejected_a_file(model: BundledModel) -> None:
    prompt = UserMessage("Create hello.py that prints hello")
    write = await ask(model, prompt)
    told = await ask(model, prompt, write, result(write, "rejected", ResultStatus.REJECTED))
    assert "hello.py" in told.text
    assert not told.calls


@pytest.mark.parametrize(
    ("prompt", "tool", "path"),
    [
        ("read README.md and summarise", "read_file", "README.md"),
        ("Summarise the README", "read_file", "README.md"),
        ("Which functions are defined in util.py?", "read_file", "src/util.py"),
        ("how many lines does main.py have", "read_file", "main.py"),
        ("Fix the bug in main.py", "read_file", "main.py"),
        ("Which version is in setup.cfg?", "read_file", "setup.cfg"),
        ("write a file notes/todo.md with three items", "write_file", "notes/todo.md"),
        ("Can you add a new file called greet.js with a function that greets?", "write_file", "greet.js"),
        ("Please create index.html with a heading Hello", "write_file", "index.html"),
        ("Make a shell script run.sh which starts the server", "write_file", "run.sh"),
        ("What files are in this project?", "list_files", None),
        ("list the files in src", "list_files", "src"),
        ("What does nope.py do?", "list_files", None),
        ("What is the capital of France?", "answer", None),
        ("Who are you?", "answer", None),
        ("Hi", "answer", None),
    ],
)
async def test_the_call_fits_the_prompt(model: BundledModel, prompt: str, tool: str, path: str | None) -> None:
    assert called(await ask(model, UserMessage(prompt))) == (tool, path)


async def test_a_tool_that_is_not_offered_is_not_called(model: BundledModel) -> None:
    prompt = UserMessage("Create hello.py that prints hello")
    assert called(await ask(model, prompt, tools=("read_file", "list_files")))[0] != "write_file"
    assert called(await ask(model, prompt, tools=())) == ("answer", None)


async def test_names_with_quotes_spaces_and_accents_come_through(model_file: Path, tmp_path: Path) -> None:
    name = 'docs/ein "schöner" Täg.txt'

    async def listed() -> Sequence[str]:
        return [name]

    model = BundledModel(model_file, tmp_path, listed, Processes())
    assert called(await ask(model, UserMessage(f"Read {name}"))) == ("read_file", name)
    await model.close()


async def test_no_length_of_prompt_or_file_overflows_the_window(model: BundledModel) -> None:
    letters = "\U000e0041" * 50_000  # four tokens each: no text has more tokens than bytes
    prompt = UserMessage(f"What does main.py do? {letters}", context=letters)
    read = await ask(model, prompt)
    assert called(read) == ("read_file", "main.py")
    with contextlib.suppress(BadResponse):  # it may be speechless; a request too long would be a BadRequest
        assert (await ask(model, prompt, read, result(read, letters))).usage.tokens < WINDOW


@pytest.mark.parametrize(("ours", "all_cores", "number"), [(1, 2, 1), (2, 64, 2), (2, 2, None), (0, 8, None)])
async def test_it_computes_with_no_more_threads_than_it_has_cores(
    ours: int, all_cores: int, number: int | None
) -> None:
    assert threads(ours, all_cores) == number


async def test_it_listens_on_a_socket_for_its_owner_and_on_no_port(server: LlamaServer) -> None:
    running = await started(server)
    sockets = owned_sockets(running.process.pid)
    assert str(running.socket) in (unix := listening_unix(sockets)), unix
    assert not sockets & tcp_sockets(running.process.pid)
    assert stat.S_IMODE(running.socket.parent.stat().st_mode) == 0o700


async def test_a_request_without_the_key_is_refused(server: LlamaServer) -> None:
    running = await started(server)
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    transport = httpx.AsyncHTTPTransport(uds=str(running.socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://bundled-model") as stranger:
        assert (await stranger.post("/v1/chat/completions", json=body)).status_code == 401
    command = Path(f"/proc/{running.process.pid}/cmdline").read_bytes()
    assert running.key.encode() not in command + Path(f"/proc/{running.process.pid}/environ").read_bytes()


async def test_closing_the_stream_stops_the_generation(server: LlamaServer) -> None:
    await started(server)
    begun = time.monotonic()
    await started(server)
    small = time.monotonic() - begun
    endless = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 7000, "ignore_eos": True}
    events = server.events({**endless, "stream": True})
    await anext(events)
    await events.aclose()
    # All of it would take half a minute, or some hundred small answers, and there is one slot.
    async with asyncio.timeout(10 + 20 * small):
        await started(server)


async def test_a_child_that_died_is_started_anew(server: LlamaServer) -> None:
    dead = await started(server)
    dead.process.kill()
    await dead.process.wait()
    alive = await started(server)
    assert alive.process.pid != dead.process.pid
    assert not dead.socket.parent.exists()


async def test_close_ends_the_child_and_leaves_nothing(model_file: Path, tmp_path: Path) -> None:
    server = LlamaServer(model_file, tmp_path, WINDOW, Processes())
    running = await started(server)
    await server.close()
    assert not alive(running.process.pid)
    assert list(tmp_path.iterdir()) == []


async def test_the_child_dies_with_a_daemon_that_is_killed(model_file: Path, tmp_path: Path) -> None:
    program = "\n".join(
        (
            "import asyncio, sys",
            "from pathlib import Path",
            "from agent_lsp.models.bundled.llama_server import LlamaServer",
            "from agent_lsp.processes.run import Processes",
            "async def main():",
            "    server = LlamaServer(Path(sys.argv[1]), Path(sys.argv[2]), 512, Processes())",
            "    async for _ in server.events({'messages': [{'role': 'user', 'content': 'Hi'}], 'ignore_eos': True,",
            "                                  'max_tokens': 400, 'stream': True}):",
            "        print(server.running.process.pid, flush=True)",
            "asyncio.run(main())",
        )
    )
    argv = [sys.executable, "-c", program, str(model_file), str(tmp_path)]
    daemon = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE, cwd=CHILD.parents[2])
    assert daemon.stdout
    child = int(await daemon.stdout.readline())
    assert alive(child)
    os.kill(daemon.pid, signal.SIGKILL)
    await daemon.communicate()
    await until(lambda: not alive(child) and not list(tmp_path.iterdir()))


async def test_a_model_that_is_not_installed_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NoModel, match="agent-lsp model install"):
        await ask(BundledModel(tmp_path / "none.gguf", tmp_path, list_files, Processes()), UserMessage("Hi"))


async def test_a_broken_model_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF")
    with pytest.raises(NoModel, match="agent-lsp model install"):
        await ask(
            BundledModel(tmp_path / "broken.gguf", tmp_path / "state", list_files, Processes()), UserMessage("Hi")
        )
    assert list((tmp_path / "state").iterdir()) == []


async def test_a_child_without_llama_says_so(tmp_path: Path) -> None:
    orders = json.dumps({"model": "", "socket": str(tmp_path / "s" / "s.sock"), "key": "", "window": 512})
    argv = [sys.executable, "-I", "-S", str(CHILD)]
    ended = subprocess.run(argv, input=orders + "\n", capture_output=True, text=True, check=True, timeout=120)
    assert "missing" in json.loads(ended.stdout)


async def test_a_socket_path_that_is_too_long_moves_to_the_temporary_folder(tmp_path: Path) -> None:
    near, far = socket_folder(tmp_path / "near"), socket_folder(tmp_path / ("far" * 40))
    try:
        assert near.is_relative_to(tmp_path)
        assert not far.is_relative_to(tmp_path)
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in (near, far)] == [0o700, 0o700]
    finally:
        far.rmdir()


async def started(server: LlamaServer) -> Running:
    """The server, after one small answer."""
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, "stream": True}
    async with contextlib.aclosing(server.events(body)) as events:
        assert [event async for event in events]
    assert server.running
    return server.running


async def until(condition: Callable[[], bool]) -> None:
    """Waits, with the test's own limit, for what no event tells."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def owned_sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    return {link[len("socket:[") : -1] for link in links(pid) if link.startswith("socket:[")}


def tcp_sockets(pid: int) -> set[str]:
    """The inodes of the network's TCP and UDP sockets (proc_pid_net(5): the tenth column)."""
    tables = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6", "udp", "udp6")]
    rows = [row.split() for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]
    return {row[9] for row in rows}


def listening_unix(inodes: set[str]) -> list[str]:
    """The paths of those sockets that listen: flag 00010000 (proc_pid_net(5))."""
    rows = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return [row[7] for row in rows if row[6] in inodes and row[3] == "00010000" and len(row) > 7]
