"""Images in the context: as many as a request may have, and the oldest go before any word does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agent_lsp.agent.context import build, most_tokens, request_tokens
from agent_lsp.agent.images import images_of
from agent_lsp.conversation.messages import (
    AssistantMessage,
    Image,
    Message,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.models import Request
from agent_lsp.models.pricing import Price
from tests.agent.test_budget import Endless, budget

NOTE = "[the picture was left out to make room; read the file again if it is needed]"


def looked(*images: Image, text: str = "a.png") -> list[Message]:
    """Calls in one answer, with a result each."""
    calls = tuple(ToolCall(f"c{image.base64[-4:]}", "read_file", "{}") for image in images)
    results = tuple(ToolResult(call.id, text, images=(one,)) for call, one in zip(calls, images, strict=True))
    return [AssistantMessage(calls, "m"), ToolMessage(results)]


def numbered(number: int, size: int = 640, characters: int = 4) -> Image:
    return Image("image/png", size, size, f"{number:0{characters}}")


def built(messages: Sequence[Message], window: int = 10**6) -> Request:
    return build(messages, system="", tools=(), window=window, output_tokens=100)


def widths(request: Request) -> list[int]:
    return [int(image.base64[-4:]) for image in images_of(request.messages)]


def history(count: int, *, size: int = 640, characters: int = 4) -> list[Message]:
    steps = [looked(numbered(number, size, characters)) for number in range(count)]
    return [UserMessage("look"), *(message for step in steps for message in step)]


def test_a_request_has_at_most_twenty_images_the_newest() -> None:
    assert [widths(built(history(count))) for count in (1, 20, 21, 22, 31)] == [
        [0],
        list(range(20)),
        list(range(11, 21)),
        list(range(11, 22)),
        [*range(11, 31)],
    ]


def test_a_request_has_at_most_sixteen_million_characters_of_images() -> None:
    assert [widths(built(history(count, characters=4_500_000))) for count in (3, 4, 5)] == [[0, 1, 2], [3], [3, 4]]


def test_side_by_side_calls_keep_the_last_images_that_fit() -> None:
    many = [numbered(number, characters=5_000_000) for number in range(4)]

    request = built([UserMessage("look"), *looked(*many)])

    assert isinstance(results := request.messages[-1], ToolMessage)
    assert [(one.text, len(one.images)) for one in results.results] == [(f"a.png\n{NOTE}", 0)] * 3 + [("a.png", 1)]


def test_the_context_is_the_same_for_most_steps_that_add_an_image() -> None:
    before, changes = built(history(1)), 0
    for count in range(2, 60):
        after = built(history(count))
        changes += after.messages[: len(before.messages)] != before.messages
        before = after

    assert changes == 4


def test_the_oldest_images_go_before_any_word_does() -> None:
    call, page = ToolCall("p", "read_file", "{}"), ToolResult("p", "word " * 900)
    read: list[Message] = [AssistantMessage((call,), "m"), ToolMessage((page,))]
    messages = [UserMessage("first"), *read, *history(3, size=1_000)]
    whole = built(messages)

    request = built(messages, window=request_tokens(whole) - 3_000)

    assert widths(whole) == [0, 1, 2]
    assert widths(request) == [2]
    gone = [replace(one, results=(replace(one.results[0], text=f"a.png\n{NOTE}", images=()),)) for one in _seen(whole)]
    assert request.messages == (*whole.messages[:5], gone[0], whole.messages[6], gone[1], *whole.messages[8:])


def _seen(request: Request) -> list[ToolMessage]:
    return [message for message in request.messages if isinstance(message, ToolMessage) and message.images]


@pytest.mark.parametrize("window", [2_048, 4_096, 8_192])
def test_an_image_that_the_window_has_no_room_for_is_only_told_of(window: int) -> None:
    request = built([UserMessage("look"), *looked(numbered(1, 8_000))], window)

    assert widths(request) == []
    assert isinstance(last := request.messages[-1], ToolMessage)
    assert last.results[0].text == f"a.png\n{NOTE}"


@pytest.mark.parametrize(("model", "billed"), [("gpt-4o-mini", 2_833 + 8 * 5_667), ("gpt-4o", 1_445)])
async def test_what_is_set_aside_for_a_large_picture_covers_its_bill(model: str, billed: int) -> None:
    request = built([UserMessage("look"), *looked(numbered(1, 8_000))])
    purse = budget(Endless(), price=Price(model))

    held = await purse.reserve(request)

    used = Usage(input_tokens=billed, output_tokens=request.max_output_tokens)
    cost = Price(model).cost(used)
    assert cost is not None
    assert held.usd >= cost
    assert held.tokens >= used.tokens
    assert most_tokens(request, model) < 100_000
