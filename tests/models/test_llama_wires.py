"""The real llama.cpp server of the bundled model, driven through each wire protocol that it serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from agent_lsp.conversation.messages import (
    AssistantMessage,
    StopReason,
    Text,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from agent_lsp.models import Completed, ContextTooLong, Model, Request, TextChunk, ToolSpec
from agent_lsp.models.bundled.bundled import WINDOW
from agent_lsp.models.bundled.llama_server import LlamaServer, Running
from agent_lsp.models.image_support import ModelWithImages
from agent_lsp.models.retry import RetryingModel, RetryPolicy
from agent_lsp.models.wire.http import Endpoint
from agent_lsp.models.wire.wire_model import WireModel
from agent_lsp.processes.run import Processes
from tests.models.wires import KITS, MESSAGES, Kit
from tests.pictures import image

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.usefixtures("one_core"),
]

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
SPEC = ToolSpec("read_file", "Reads a file of the workspace.", SCHEMA)
ASK = Request("You are brief.", (UserMessage("Say hello."),), (), 30)
At = Callable[[Kit], WireModel]


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def forwarded(socket: Path) -> AsyncIterator[str]:
    """A TCP port on loopback that leads to the unix socket."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_unix_connection(socket)
        with suppress(asyncio.CancelledError):  # the server ends it with the test
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    async with await asyncio.start_server(forward, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[At, None]:
    server = LlamaServer(model_file, tmp_path_factory.mktemp("state"), WINDOW, Processes())
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1, "stream": True}
    _ = [event async for event in server.events(body)]  # it starts when first asked
    running = server.running
    assert isinstance(running, Running)
    models: list[WireModel] = []

    def model(kit: Kit) -> WireModel:
        base = url if kit is MESSAGES else f"{url}/v1"
        endpoint = Endpoint(base, {"authorization": f"Bearer {running.key}"})
        models.append(made := WireModel(kit.wire, endpoint, "bundled", context_window=WINDOW))
        return made

    async with forwarded(running.socket) as url:
        yield model
        for one in models:
            await one.close()
    await server.close()


async def asked(model: Model, request: Request) -> AssistantMessage:
    # llama.cpp closes kept connections, and a request that crosses that is lost: users have the retries too.
    retrying = RetryingModel(model, RetryPolicy(first_seconds=0.01))
    *chunks, last = [chunk async for chunk in retrying.stream(request)]
    assert isinstance(last, Completed)
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk)) == last.message.text
    return last.message


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_it_answers_and_counts(kit: Kit, at: At) -> None:
    answer = await asked(at(kit), ASK)

    assert answer.text.strip()
    assert 0 < answer.usage.output_tokens <= 30
    assert answer.usage.input_tokens + answer.usage.cache_read_tokens > 5


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_it_takes_a_conversation_with_a_call_and_its_result(kit: Kit, at: At) -> None:
    called = AssistantMessage((Text("I look."), ToolCall("call.1/ö", "read_file", '{"path":"notes.txt"}')), "other:m")
    results = ToolMessage((ToolResult("call.1/ö", "Buy milk."),))
    history = (UserMessage("What is in notes.txt?"), called, results)

    answer = await asked(at(kit), Request("You are brief.", history, (SPEC,), 30))

    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_a_picture_that_it_cannot_see_does_not_stand_in_the_way(kit: Kit, at: At) -> None:
    called = AssistantMessage((Text("I look."), ToolCall("c1", "read_file", '{"path":"a.png"}')), "other:m")
    results = ToolMessage((ToolResult("c1", "a.png: image/png, 2 × 1 pixels, 1 kB", images=(image(),)),))
    history = (UserMessage("What is in a.png?"), called, results)

    answer = await asked(ModelWithImages(at(kit)), Request("You are brief.", history, (SPEC,), 30))

    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_an_answer_that_meets_its_limit_says_so(kit: Kit, at: At) -> None:
    # One token: so small a model may well say only "1 to 100.", and which it says differs with the processor.
    answer = await asked(at(kit), replace(ASK, messages=(UserMessage("Count from 1 to 100."),), max_output_tokens=1))

    assert (answer.stop, answer.usage.output_tokens) == (StopReason.MAX_TOKENS, 1)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_too_long_a_request_is_said_to_be_that(kit: Kit, at: At) -> None:
    long = replace(ASK, messages=(UserMessage("word " * 2 * WINDOW),))

    with pytest.raises(ContextTooLong):
        await asked(at(kit), long)
