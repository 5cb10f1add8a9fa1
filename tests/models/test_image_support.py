"""A refused image does not stand in the way of what comes after: breaker 15 of every provider."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.conversation.events import Retrying
from agent_lsp.conversation.messages import (
    AssistantMessage,
    Image,
    Message,
    StopReason,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from agent_lsp.models import BadRequest, Chunk, Completed, ConnectionLost, ContextTooLong, Passing, Request, RetryChunk
from agent_lsp.models.image_support import ModelWithImages
from agent_lsp.models.retry import RetryingModel, RetryPolicy
from tests.house import house
from tests.models.provider import Disconnect, Provider, Reply, delta
from tests.models.rules import check
from tests.models.wires import CHAT, KITS, Call, Kit, Said, Words
from tests.pictures import png

NOTE = "[the picture itself cannot be shown to you: say so where that matters]"
FIRST, SECOND, THIRD = (Image("image/png", side, side, data) for side, data in enumerate(("AAAA", "BBBB", "CCCC"), 1))


def looked(*images: Image) -> Request:
    """A request after each of the images was shown."""
    history: list[Message] = [UserMessage("look")]
    for image in images:
        call = ToolCall(f"c{image.width}", "read_file", "{}")
        result = ToolResult(call.id, f"{image.width}.png", images=(image,))
        history += [AssistantMessage((call,), "other"), ToolMessage((result,))]
    return Request("Be brief.", tuple(history), (), 100)


def says(kit: Kit, text: str = "Red.") -> Reply:
    return Reply(tuple(kit.streamed(Said((Words((text,)),)))))


def refuses(status: int = 400, message: str = "messages[2]: unknown variant `image_url`, expected `text`") -> Reply:
    return Reply((json.dumps({"error": {"message": message}}).encode(),), status, {"content-type": "application/json"})


async def answered(model: ModelWithImages | RetryingModel, request: Request) -> list[Chunk]:
    return [chunk async for chunk in model.stream(request)]


def seen(provider: Provider) -> list[str]:
    """Which of the images each request had."""
    bodies = [json.dumps(asked.body) for asked in provider.asked]
    return ["".join(image.base64[0] for image in (FIRST, SECOND, THIRD) if image.base64 in body) for body in bodies]


async def played(
    kit: Kit, replies: Sequence[Reply], requests: Sequence[Request]
) -> tuple[list[str], list[list[Chunk]]]:
    async with Provider(*replies).serving() as provider:
        model = ModelWithImages(kit.model(provider.url))
        chunks = [await answered(model, request) for request in requests]
        await model.close()
    for asked in provider.asked:
        check(kit.wire.protocol, asked.body)
    return seen(provider), chunks


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_an_image_that_is_taken_is_sent_each_time(kit: Kit) -> None:
    images, chunks = await played(kit, [says(kit)], [looked(FIRST), looked(FIRST, SECOND)])

    assert images == ["A", "AB"]
    assert not any(isinstance(chunk, RetryChunk) for one in chunks for chunk in one)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_15_a_refused_image_is_asked_without_and_not_sent_again(kit: Kit) -> None:
    images, chunks = await played(kit, [refuses(), says(kit)], [looked(FIRST), looked(FIRST)])

    assert images == ["A", "", ""]
    assert chunks[0][0] == RetryChunk(
        "pictures are left out, for 127.0.0.1 answered 400: messages[2]: unknown variant `image_url`, expected `text`",
        1,
        2,
        0.0,
        may_have_cost=False,
    )
    assert [type(one[-1]) for one in chunks] == [Completed, Completed]
    assert not any(isinstance(chunk, RetryChunk) for chunk in chunks[1])


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_the_model_is_told_what_it_does_not_see(kit: Kit) -> None:
    async with Provider(refuses(), says(kit)).serving() as provider:
        model = ModelWithImages(kit.model(provider.url))
        await answered(model, looked(FIRST))
        await model.close()

    assert [json.dumps(f"1.png\n{NOTE}") in json.dumps(asked.body) for asked in provider.asked] == [False, True]


async def test_a_model_that_refused_several_and_took_none_is_shown_no_more() -> None:
    requests = [looked(FIRST), looked(FIRST, SECOND), looked(FIRST, SECOND, THIRD)]

    images, _ = await played(CHAT, [refuses(), says(CHAT), refuses(), says(CHAT)], requests)

    assert images == ["A", "", "B", "", ""]


async def test_where_others_were_taken_only_what_is_new_is_left_out() -> None:
    requests = [looked(FIRST), looked(FIRST, SECOND), looked(FIRST, SECOND, THIRD), looked(FIRST, SECOND, THIRD)]
    taken = says(CHAT)

    images, chunks = await played(CHAT, [taken, refuses(), taken, refuses(), taken], requests)

    assert images == ["A", "AB", "A", "AC", "A", "A"]
    assert [sum(isinstance(chunk, RetryChunk) for chunk in one) for one in chunks] == [0, 1, 1, 0]


async def test_where_what_was_taken_is_refused_too_nothing_is_shown() -> None:
    requests = [looked(FIRST), looked(FIRST, SECOND), looked(FIRST, SECOND)]

    images, chunks = await played(CHAT, [says(CHAT), refuses(), refuses(), says(CHAT)], requests)

    assert images == ["A", "AB", "A", "", ""]
    retries = [chunk for chunk in chunks[1] if isinstance(chunk, RetryChunk)]
    assert [(chunk.attempt, chunk.attempts, chunk.reason.partition(", ")[0]) for chunk in retries] == [
        (1, 2, "new pictures are left out"),
        (2, 2, "pictures are left out"),
    ]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Could not process image"),
        (400, "what is wrong is not said"),
        (404, "No endpoints found that support image input"),
        (413, "Request Entity Too Large"),
        (415, "Unsupported Media Type"),
        (422, "Invalid content type"),
        (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"),
        (500, "m is not a multimodal model"),
    ],
)
async def test_servers_refuse_images_in_many_ways(status: int, message: str) -> None:
    images, chunks = await played(CHAT, [refuses(status, message), says(CHAT)], [looked(FIRST)])

    assert images == ["A", ""]
    assert isinstance(retry := chunks[0][0], RetryChunk)
    assert retry.may_have_cost is (status == 500)  # nobody says what a server did before it failed
    assert isinstance(chunks[0][-1], Completed)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refuses(500, "out of memory"), Passing),
        (refuses(503, "overloaded"), Passing),
        (Reply((Disconnect,)), ConnectionLost),
    ],
)
async def test_what_is_not_for_the_images_is_raised_as_it_is(reply: Reply, error: type[Exception]) -> None:
    async with Provider(reply).serving() as provider:
        model = ModelWithImages(CHAT.model(provider.url))
        with pytest.raises(error):
            await answered(model, looked(FIRST))
        await model.close()

    assert seen(provider) == ["A"]


@pytest.mark.parametrize(("status", "error"), [(400, BadRequest), (413, ContextTooLong)])
async def test_images_are_not_to_blame_for_what_is_refused_without_them_too(
    status: int, error: type[Exception]
) -> None:
    async with Provider(refuses(status), refuses(status), says(CHAT)).serving() as provider:
        model = ModelWithImages(CHAT.model(provider.url))
        with pytest.raises(error):
            await answered(model, looked(FIRST))
        await answered(model, looked(FIRST))
        await model.close()

    assert seen(provider) == ["A", "", "A"]


async def test_what_is_refused_behind_its_first_words_is_not_said_twice() -> None:
    refused = CHAT.error("the image cannot be read", "invalid_request_error")
    async with Provider(Reply((delta(content="Re"), refused)), says(CHAT)).serving() as provider:
        model = ModelWithImages(CHAT.model(provider.url))
        with pytest.raises(BadRequest):
            await answered(model, looked(FIRST))
        await model.close()

    assert seen(provider) == ["A"]


async def test_a_request_without_images_is_refused_once() -> None:
    async with Provider(refuses()).serving() as provider:
        model = ModelWithImages(CHAT.model(provider.url))
        with pytest.raises(BadRequest):
            await answered(model, looked())
        await model.close()

    assert len(provider.asked) == 1


async def test_what_fails_in_passing_after_a_refusal_is_asked_again() -> None:
    async def no_wait(seconds: float) -> None:
        assert seconds >= 0

    async with Provider(refuses(), refuses(503, "overloaded"), refuses(), says(CHAT)).serving() as provider:
        model = RetryingModel(ModelWithImages(CHAT.model(provider.url)), RetryPolicy(1), sleep=no_wait)
        chunks = await answered(model, looked(FIRST))
        await model.close()

    assert isinstance(chunks[-1], Completed)
    assert seen(provider) == ["A", "", "A", ""]


CALL = (Call("c", "read_file", ('{"path": "logo.png"}',)),)


async def test_a_turn_goes_on_and_its_session_does_after_a_restart(workspace: Path, state: Path) -> None:
    data = png(640, 480)
    (workspace / "logo.png").write_bytes(data)
    asks = Reply(tuple(CHAT.streamed(Said(CALL, "tools"))))
    async with Provider(asks, refuses(), says(CHAT), says(CHAT, "Blue.")).serving() as provider:
        server: dict[str, Any] = {"baseUrl": provider.url, "maxRetries": 0}
        async with house("openai-chat:gpt-5-mini", workspace, state, **server) as home:
            first = await home.ask("What colour is the logo?")
            again = await home.ask("Are you sure?")
            assert home.session
            session = home.session.id
            [told] = [event for event in home.events if isinstance(event, Retrying)]
        async with house("openai-chat:gpt-5-mini", workspace, state, **server) as home:
            home.session = await home.parts.sessions.get(session)
            later = await home.ask("And now?")
            results = [message for message in home.messages if isinstance(message, ToolMessage)]

    assert [done.ending.stop_reason for done in (first, again, later)] == [StopReason.END_TURN] * 3
    assert told.reason.startswith("pictures are left out, for 127.0.0.1 answered 400")
    assert first.cost == pytest.approx(2 * (again.cost or 0.0))  # two answers, and nothing for the refusal
    assert [shown.size for message in results for shown in message.images] == [len(data)]
    assert ["image_url" in json.dumps(asked.body) for asked in provider.asked] == [False, True, False, False, True]
