"""The model that says what a file tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.models import (
    BadRequest,
    Chunk,
    Completed,
    ConnectionLost,
    KeyRefused,
    ModelError,
    NoModel,
    Passing,
    RateLimited,
    Request,
    TextChunk,
    ThinkingChunk,
)
from agent_lsp.models.scripted import ScriptedModel, read_script

SCRIPT = """
turns:
  - thinking: hm
    text: I'll look.
    calls:
      - {tool: read_file, arguments: {path: a}}
      - {tool: search, arguments: "{broken", id: mine}
    usage: {input_tokens: 10, output_tokens: 3}
  - {text: Done., stop: max_tokens}
when:
  twice:
    - {text: other}
"""


def scripted(tmp_path: Path, text: str) -> ScriptedModel:
    file = tmp_path / "script.yaml"
    file.write_text(text)
    return ScriptedModel(read_script(file))


def request(*messages: Message) -> Request:
    return Request("system", messages, (), 100)


async def chunks_of(model: ScriptedModel, asked: Request) -> list[Chunk]:
    return [chunk async for chunk in model.stream(asked)]


async def take_all(stream: AsyncGenerator[Chunk, None], into: list[Chunk]) -> None:
    async for chunk in stream:
        into.append(chunk)  # noqa: PERF401 - what came before a failure counts too


async def test_steps_are_played_one_after_the_other(tmp_path: Path) -> None:
    model = scripted(tmp_path, SCRIPT)
    first = request(UserMessage("go"))

    thought, *words, done = await chunks_of(model, first)

    message = AssistantMessage(
        (
            Thinking("hm"),
            Text("I'll look."),
            ToolCall("call_0_0", "read_file", '{"path": "a"}'),
            ToolCall("mine", "search", "{broken"),
        ),
        "scripted",
        Usage(input_tokens=10, output_tokens=3),
    )
    assert thought == ThinkingChunk("hm")
    assert "".join(word.text for word in words if isinstance(word, TextChunk)) == "I'll look."
    assert done == Completed(message)
    second = request(UserMessage("go"), message, ToolMessage((ToolResult("call_0_0", "x"),)))
    assert (await chunks_of(model, second))[-1] == Completed(
        AssistantMessage((Text("Done."),), "scripted", stop=StopReason.MAX_TOKENS)
    )
    assert model.asked == [first, second]


async def test_a_prompt_may_have_a_list_of_its_own(tmp_path: Path) -> None:
    model = scripted(tmp_path, SCRIPT)

    assert (await chunks_of(model, request(UserMessage("do it twice"))))[0] == TextChunk("other")


async def test_a_script_that_is_at_its_end_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="the script has 0 steps for this prompt, and was asked for one more"):
        await chunks_of(scripted(tmp_path, ""), request(UserMessage("go")))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("disconnect", ConnectionLost),
        ("{error: {status: 401}}", KeyRefused),
        ("{error: {status: 429, retry_after: 2}}", RateLimited),
        ("{error: {status: 503}}", Passing),
        ("{error: {status: 400}}", BadRequest),
    ],
)
async def test_a_fault_comes_after_the_text(tmp_path: Path, fault: str, kind: type[ModelError]) -> None:
    model, shown = scripted(tmp_path, f"turns: [{{text: Hel, fault: {fault}}}]"), list[Chunk]()

    with pytest.raises(ModelError) as caught:
        await take_all(model.stream(request(UserMessage("go"))), shown)

    assert shown == [TextChunk("Hel")]
    assert type(caught.value) is kind
    assert not isinstance(caught.value, RateLimited) or caught.value.retry_after == 2


async def test_a_hang_can_be_cancelled(tmp_path: Path) -> None:
    model = scripted(tmp_path, "turns: [{fault: hang}]")
    task = asyncio.create_task(chunks_of(model, request(UserMessage("go"))))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("turns: [{txt: a}]", "is wrong at 'turns.0.txt': Extra inputs are not permitted"),
        ("turns: 7", "is wrong at 'turns'"),
        ("- a", "is wrong at ''"),
        ("turns: [", "cannot be read"),
        ("turns: [{fault: boom}]", "is wrong at 'turns.0.fault"),
    ],
)
def test_a_script_that_is_none_names_the_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(NoModel) as caught:
        scripted(tmp_path, text)

    assert f"the script {tmp_path / 'script.yaml'} {words}" in str(caught.value)


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoModel, match=r"nothing\.yaml cannot be read"):
        read_script(tmp_path / "nothing.yaml")
