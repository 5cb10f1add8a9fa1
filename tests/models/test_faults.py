"""What providers do wrong, one table over all three protocols: the right answer or one honest failure, never a hang.

The first rows are the eighteen breakers of naive clients, by number; then the list of provider faults.
"""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.conversation.messages import (
    AssistantMessage,
    StopReason,
    Text,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.models import (
    BadRequest,
    BadResponse,
    Chunk,
    Completed,
    ConnectionLost,
    ContextTooLong,
    KeyRefused,
    ModelError,
    Passing,
    RateLimited,
    Request,
    RetryChunk,
    TextChunk,
    TimedOut,
    ToolSpec,
)
from agent_lsp.models.retry import RetryingModel, RetryPolicy
from agent_lsp.models.wire.http import Patience
from tests.models.provider import Disconnect, Hang, Provider, Reply
from tests.models.rules import check
from tests.models.wires import CHAT, KITS, Call, Kit, Said, Words, uncounted

CALL = Call("c1", "read_file", ('{"path":', '"a"}'))
BOTH = Said((Words(("Hel", "lo")), CALL), "tools")
HELLO = Said((Words(("Hel", "lo")),))
EMPTY = Said((), output=0)
ASK = Request("Be brief.", (UserMessage("hi"),), (), 100)
SHORT = Patience(0.25, 0.15)
CALM = Patience(5, 1)
"""Waits a silence out, yet takes no pause of a busy machine for one."""
LONG = Patience(20, 20)
STREAM = {"content-type": "text/event-stream"}
Play = Callable[[Kit], Reply]


@dataclass(frozen=True)
class Right:
    """The answer that must come out; `calls` as name and arguments."""

    text: str = "Hello"
    calls: Sequence[tuple[str, str]] = (("read_file", '{"path":"a"}'),)
    stop: StopReason = StopReason.END_TURN


@dataclass(frozen=True)
class Fault:
    """What a provider does, and what must come of it; `other` where a protocol knows better, `without` with reason."""

    name: str
    play: Play
    then: Right | type[ModelError]
    other: dict[str, Right | type[ModelError]] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)


ONLY_TEXT = Right(calls=())


def whole(said: Said = BOTH, **more: Any) -> Play:
    return lambda kit: Reply(tuple(kit.streamed(said)), **more)


def bytewise(change: Callable[[bytes], bytes], said: Said = BOTH, **more: Any) -> Play:
    """The whole stream, changed, in one piece."""
    return lambda kit: Reply((change(b"".join(kit.streamed(said))),), **more)


def cut(*after: Any, drop: int | None = None, said: Said = BOTH) -> Play:
    """The stream without its last events (those that only end it, unless told), and what then happens."""
    return lambda kit: Reply((*kit.streamed(said)[: -(kit.last if drop is None else drop)], *after))


def status(code: int, words: str = "no", **headers: str) -> Play:
    body = json.dumps({"error": {"message": words}}).encode()
    return lambda _: Reply((body,), code, {name.replace("_", "-"): value for name, value in headers.items()})


def said_in_stream(message: str, code: str, before: Said | None = None) -> Play:
    def play(kit: Kit) -> Reply:
        start = kit.streamed(before)[: -kit.last] if before else []
        return Reply((*start, kit.error(message, code)))

    return play


def stop_of(said: Said, stop: str) -> Play:
    """An answer under a stop reason that is not its own."""
    return whole(replace(said, stop=stop))


def first_word_then(*after: Any) -> Play:
    """Everything up to the first words, and what then happens."""

    def play(kit: Kit) -> Reply:
        events = kit.streamed(BOTH)
        first = next(place for place, one in enumerate(events) if b'"Hel"' in one)
        return Reply((*events[: first + 1], *after))

    return play


def in_arguments_then(*after: Any) -> Play:
    def play(kit: Kit) -> Reply:
        events = kit.streamed(BOTH)
        first = next(place for place, one in enumerate(events) if rb"{\"path\":" in one)
        return Reply((*events[: first + 1], *after))

    return play


def emptied_end(kit: Kit) -> Reply:
    """A last event that tells of nothing, although deltas did."""
    events = [re.sub(rb'"output": \[\{.*\}\], "usage"', b'"output": [], "usage"', one) for one in kit.streamed(BOTH)]
    return Reply(tuple(one for one in events if b"output_item.done" not in one))


def late_usage(kit: Kit) -> Reply:
    """The reason to stop, then silence on an open connection."""
    events = kit.streamed(BOTH)
    return Reply((*events[: {"openai-chat": -2, "anthropic": -1}.get(kit.wire.protocol, len(events))], Hang))


def zipped(body: bytes) -> bytes:
    return gzip.compress(body)


ZIPPED = {**STREAM, "content-encoding": "gzip"}
SLOW = tuple(piece for _ in range(200) for piece in (b": ping\n\n", 0.02))
PINGS = tuple(piece for _ in range(200) for piece in (b'data: {"type": "ping"}\n\n', 0.02))
DRIP = tuple(piece for _ in range(200) for piece in (b"x", 0.02))
NO_ARGUMENTS = Said((Words(("Hello",)), replace(CALL, pieces=())), "tools")
HTML = b"<html><body>502 Bad Gateway</body></html>"
MANY = tuple(Call(f"c{number}", "read_file", ("{}",)) for number in range(200))
DATE = email.utils.formatdate(time.time() + 60, usegmt=True)
ABSENT = Right(calls=[("read_file", "{}")])


def fault(name: str, play: Play, then: Right | type[ModelError], **protocols: Right | type[ModelError] | str) -> Fault:
    """`protocols` by first word: another outcome, or the reason why the row has no meaning there."""
    names = {"chat": "openai-chat", "messages": "anthropic", "responses": "openai-responses"}
    other = {names[key]: value for key, value in protocols.items() if not isinstance(value, str)}
    without = {names[key]: value for key, value in protocols.items() if isinstance(value, str)}
    return Fault(name, play, then, other, without)


FAULTS = [
    fault("2: tools pending under a plain end", stop_of(BOTH, "end"), Right()),
    fault("2: no call under a stop for tools", stop_of(HELLO, "tools"), ONLY_TEXT),
    fault("3: an empty last event although deltas held the call", emptied_end, Right()),
    fault("4: the stream ends without its last events", cut(), ConnectionLost),
    fault("4: text ends without its last events", cut(said=HELLO), ConnectionLost),
    fault("4: the stream is left open after its last event", lambda kit: Reply((*kit.streamed(BOTH), Hang)), Right()),
    fault("4: silence after the reason to stop", late_usage, Right()),
    fault("4: silence before the first token", lambda _: Reply((Hang,)), TimedOut),
    fault("4: silence between tokens", first_word_then(Hang), TimedOut),
    fault("4: comments for ever", lambda _: Reply(SLOW), TimedOut),
    fault("4: pings for ever", lambda _: Reply(PINGS), TimedOut),
    fault("6: everything in one lump", bytewise(bytes), Right()),
    fault("6: compressed, in one lump, though asked not to", bytewise(zipped, headers=ZIPPED), Right()),
    fault("7: no Content-Type", whole(headers={}), Right()),
    fault("7: a wrong Content-Type", whole(headers={"content-type": "application/json"}), Right()),
    fault("8: no tool arguments at all", whole(NO_ARGUMENTS), ABSENT),
    fault("8: an empty piece of text", whole(replace(BOTH, parts=(Words(("", "Hel", "", "lo")), CALL))), Right()),
    fault("8: an empty answer", whole(EMPTY), Right("", ())),
    fault("16: an overflow reported as the answer's limit", whole(replace(EMPTY, stop="length")), ContextTooLong),
    fault("16: a real limit", stop_of(HELLO, "length"), Right("Hello", (), StopReason.MAX_TOKENS)),
    fault(
        "16: a limit reported as an end", whole(replace(HELLO, output=100)), Right("Hello", (), StopReason.MAX_TOKENS)
    ),
    fault("400", status(400), BadRequest),
    fault("400 for overload", status(400, "The model is overloaded"), Passing),
    fault("400 for an overflow", status(400, "prompt is too long: 9 tokens > 8 maximum"), ContextTooLong),
    fault("401", status(401), KeyRefused),
    fault("403", status(403), KeyRefused),
    fault("404", status(404), BadRequest),
    fault("413", status(413), ContextTooLong),
    fault("429 with seconds", status(429, retry_after="7"), RateLimited),
    fault("429 with a date", status(429, retry_after=DATE), RateLimited),
    fault("429 with an absurd time", status(429, retry_after="9" * 400), RateLimited),
    fault("500", status(500), Passing),
    fault("503 with HTML", lambda _: Reply((HTML,), 503), Passing),
    fault("529", status(529, "Overloaded"), Passing),
    fault("an error whose words never end", lambda _: Reply((b"x" * 100_000, Hang), 500), Passing),
    fault("an error whose words break off", lambda _: Reply((b"x", Disconnect), 500), Passing),
    fault("an error inside 200", said_in_stream("try later", "server_error"), Passing),
    fault("an overload inside 200", said_in_stream("Overloaded", "overloaded_error"), Passing),
    fault("a rate limit inside 200", said_in_stream("slow down", "rate_limit_exceeded"), RateLimited),
    fault("an overflow inside 200", said_in_stream("no", "context_length_exceeded"), ContextTooLong),
    fault("an error inside 200 after words", said_in_stream("try later", "server_error", BOTH), Passing),
    fault("an error as plain JSON with 200", lambda _: Reply((b'{"error": {"message": "no"}}',)), Passing),
    fault("HTML with 200", lambda _: Reply((HTML,)), BadResponse),
    fault("plain words with 200", lambda _: Reply((b"upstream error",)), ConnectionLost),
    fault("an empty body", lambda _: Reply(()), ConnectionLost),
    fault("a slow loris", lambda _: Reply((b"data: ", *DRIP)), TimedOut),
    fault("a reset before anything", lambda _: Reply((Disconnect,)), ConnectionLost),
    fault("a reset in the text", first_word_then(Disconnect), ConnectionLost),
    fault("a reset in the arguments", in_arguments_then(Disconnect), ConnectionLost),
    fault("an end in the arguments", in_arguments_then(), ConnectionLost),
    fault(
        "the limit inside a call",
        whole(Said((Words(("Hello",)), replace(CALL, pieces=('{"path":',))), "length")),
        Right(calls=[("read_file", '{"path":')], stop=StopReason.MAX_TOKENS),
    ),
    fault(
        "the limit before a call says what it wants",
        stop_of(NO_ARGUMENTS, "length"),
        Right(calls=(), stop=StopReason.MAX_TOKENS),
    ),
    fault(
        "arguments that are no JSON", whole(Said((replace(CALL, pieces=("{x",)),))), Right("", [("read_file", "{x")])
    ),
    fault(
        "arguments of a megabyte",
        whole(Said((replace(CALL, pieces=('{"a":"', *("x" * 10_000,) * 100, '"}')),))),
        Right("", [("read_file", '{"a":"' + "x" * 1_000_000 + '"}')]),
    ),
    fault(
        "one key twice",
        whole(Said((replace(CALL, pieces=('{"a":1,', '"a":2}')),))),
        Right("", [("read_file", '{"a":1,"a":2}')]),
    ),
    fault("an unknown tool", whole(Said((replace(CALL, name="ö x"),))), Right("", [("ö x", '{"path":"a"}')])),
    fault("a call without a name", whole(Said((replace(CALL, name=""),))), BadResponse),
    fault("one id twice", whole(Said((CALL, CALL))), Right("", [("read_file", '{"path":"a"}')] * 2)),
    fault("an empty id", whole(Said((replace(CALL, id=""),))), Right("", [("read_file", '{"path":"a"}')])),
    fault("200 calls", whole(Said(MANY)), Right("", [("read_file", "{}")] * 200)),
    fault("endless text", whole(Said((Words(("x" * 500_000,) * 40),))), BadResponse),
    fault(
        "split characters",
        lambda kit: Reply(tuple(bytes([b]) for b in b"".join(kit.streamed(Said((Words(("é日🎉",)),))))[:9999])),
        Right("é日🎉", ()),
    ),
    fault(
        "bytes that are no UTF-8",
        bytewise(lambda body: body.replace(b'"Hel"', b'"H\xff"'), HELLO),
        Right("H\ufffdlo", ()),
    ),
    fault(
        "half a surrogate pair", bytewise(lambda body: body.replace(b'"Hel"', rb'"H\ud83d"'), HELLO), Right("H?lo", ())
    ),
    fault("CR LF", bytewise(lambda body: body.replace(b"\n", b"\r\n")), Right()),
    fault("CR", bytewise(lambda body: body.replace(b"\n", b"\r")), Right()),
    fault("no blank after data:", bytewise(lambda body: body.replace(b"data: ", b"data:")), Right()),
    fault("no last empty line", bytewise(lambda body: body.rstrip(b"\n")), Right()),
    fault("a byte order mark", bytewise(lambda body: b"\xef\xbb\xbf" + body), Right()),
    fault("other fields", bytewise(lambda body: body.replace(b"data:", b"id: 1\nretry: 5\n: note\ndata:")), Right()),
    fault("no Content-Length and no chunks", whole(chunked=False), Right()),
    fault("fields of tomorrow", bytewise(lambda body: body.replace(b"data: {", b'data: {"new": [1], ')), Right()),
    fault(
        "events of tomorrow",
        bytewise(lambda body: b'data: {"type": "new.event", "output_index": 0}\n\n' + body),
        Right(),
    ),
    fault("a giant event", whole(Said((Words(("x" * 1_000_000,)),))), Right("x" * 1_000_000, ())),
    fault("a line of 33 MB", lambda _: Reply((b"data: " + b"x" * (33 << 20),)), BadResponse),
    fault("an event that is no JSON", lambda _: Reply((b"data: {nonsense\n\n",)), BadResponse),
    fault("broken compression", lambda _: Reply((b"nonsense",), headers=ZIPPED), ConnectionLost),
    fault("compression that breaks off", bytewise(lambda body: zipped(body)[:60], headers=ZIPPED), ConnectionLost),
    fault("a redirect", status(307, location="http://127.0.0.1:9/"), BadRequest),
    fault("[DONE] where it does not belong", bytewise(lambda body: body + b"data: [DONE]\n\n"), Right()),
]


def deltas_out_of_order(kit: Kit) -> Reply:
    """The first delta of the arguments before its call is announced."""
    events = kit.streamed(BOTH)
    announced = next(place for place, one in enumerate(events) if b'"c1"' in one)
    arguments = next(place for place, one in enumerate(events) if rb"{\"path\":" in one)
    events.insert(announced, events.pop(arguments))
    return Reply(tuple(events))


def replayed(kit: Kit) -> Reply:
    """The call said a second time, as whole as it was."""
    events = kit.streamed(BOTH)
    if kit is CHAT:
        function = {"name": "read_file", "arguments": '{"path":"a"}'}
        again = {"index": 0, "id": "c1", "function": function}
        more = json.dumps({"choices": [{"delta": {"tool_calls": [again]}}]}).encode()
        return Reply((*events[:-3], b"data: " + more + b"\n\n", *events[-3:]))
    place = next(place for place, one in enumerate(events) if b"output_item.done" in one and b'"c1"' in one)
    return Reply((*events[: place + 1], events[place], *events[place + 1 :]))


FAULTS += [
    fault("events out of order", deltas_out_of_order, Right()),
    fault("a call said twice", replayed, Right(), messages="it has no event that says a whole call"),
]
ROWS = [
    pytest.param(
        KITS[name],
        one,
        id=f"{one.name} · {name}",
        marks=[pytest.mark.skip(one.without[name])] if name in one.without else [],
    )
    for one in FAULTS
    for name in KITS
]


async def outcome(model: Any, request: Request = ASK) -> tuple[list[Chunk], AssistantMessage | ModelError]:
    """What was shown, and how it ended, in at most half a minute."""
    shown: list[Chunk] = []
    try:
        async with asyncio.timeout(30), aclosing(model.stream(request)) as stream:
            async for chunk in stream:
                if isinstance(chunk, Completed):
                    return shown, chunk.message
                shown.append(chunk)
    except ModelError as error:
        return shown, error
    raise AssertionError("a stream without an end")


def text_of(shown: Sequence[Chunk]) -> str:
    return "".join(chunk.text for chunk in shown if isinstance(chunk, TextChunk))


@pytest.mark.parametrize(("kit", "row"), ROWS)
async def test_every_fault_has_the_right_answer_or_one_honest_failure(kit: Kit, row: Fault) -> None:
    async with Provider(row.play(kit)).serving() as provider:
        patience = SHORT if row.then is TimedOut else CALM if row.name.startswith("4:") else LONG
        model = kit.model(provider.url, patience)
        shown, end = await outcome(model)
        await model.close()

    then = row.other.get(kit.wire.protocol, row.then)
    if isinstance(end, ModelError):
        assert type(end) is then, end
        assert "\n" not in str(end)
        assert len(str(end)) < 500
        assert "secret-key" not in str(end)
        assert text_of(shown) in {"", "Hel", "Hello"} or set(text_of(shown)) == {"x"}
        return
    assert isinstance(then, Right), end
    assert (end.text, [(call.tool, call.arguments) for call in end.calls], end.stop) == (
        then.text,
        [*then.calls],
        then.stop,
    )
    assert text_of(shown) == end.text
    answered = (*ASK.messages, end, ToolMessage(tuple(ToolResult(call.id, "ok") for call in end.calls)))
    if len({call.id for call in end.calls if call.id}) == len(end.calls):  # the turn sees to that
        again = replace(ASK, messages=(*answered, UserMessage("go on")))
        check(kit.wire.protocol, json.loads(json.dumps(kit.wire.body(again, "m", "api.example"))))


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
@pytest.mark.parametrize("counted", [True, False])
async def test_an_answer_says_whether_its_provider_told_what_it_used(kit: Kit, counted: bool) -> None:
    events = kit.streamed(HELLO)
    async with Provider(Reply(tuple(events if counted else map(uncounted, events)))).serving() as provider:
        model = kit.model(provider.url, LONG)
        done = [chunk async for chunk in model.stream(ASK)][-1]
        await model.close()

    assert isinstance(done, Completed)
    assert (done.message.text, done.counted, done.message.usage.tokens > 0) == ("Hello", counted, counted)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
@pytest.mark.parametrize("count", [-5, 10**30, 1e30, float("nan")], ids=str)
async def test_a_count_that_can_be_none_is_as_if_it_had_not_been_told(kit: Kit, count: Any) -> None:
    said = Said((Words(("Red.",)),), fresh=count, output=count, reasoning=count)
    async with Provider(Reply(tuple(kit.streamed(said)))).serving() as provider:
        model = kit.model(provider.url)
        [*_, done] = [chunk async for chunk in model.stream(ASK)]
        await model.close()

    assert isinstance(done, Completed)
    begun = 1 if kit.wire.protocol == "anthropic" else 0  # which counts one token where its answer begins
    assert (done.message.text, done.message.usage) == ("Red.", Usage(output_tokens=begun))


async def test_what_goes_to_this_machine_passes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Provider(Reply()).serving() as proxy, Provider(Reply(tuple(CHAT.streamed(HELLO)))).serving() as server:
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        for host in ("127.0.0.1", "localhost"):
            model = CHAT.model(server.url.replace("127.0.0.1", host))
            assert text_of((await outcome(model))[0]) == "Hello"
            await model.close()

    assert (len(proxy.asked), len(server.asked)) == (0, 2)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_a_count_that_is_a_fraction_is_the_next_whole_number(kit: Kit) -> None:
    estimated: Any = 4.2  # Any: the kits write whole numbers
    said = Said((Words(("Red.",)),), output=estimated)
    async with Provider(Reply(tuple(kit.streamed(said)))).serving() as provider:
        model = kit.model(provider.url)
        [*_, done] = [chunk async for chunk in model.stream(ASK)]
        await model.close()

    assert isinstance(done, Completed)
    assert done.message.usage == Usage(input_tokens=10, output_tokens=5)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
@pytest.mark.parametrize("url", ["http://nowhere.invalid/v1", "http://127.0.0.1:1/v1"])
async def test_a_host_that_cannot_be_reached_is_a_lost_connection(kit: Kit, url: str) -> None:
    model = kit.model(url, LONG)

    assert type((await outcome(model))[1]) is ConnectionLost
    await model.close()


async def plain_words(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 This port speaks no TLS\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_tls_that_is_none_is_a_lost_connection(kit: Kit) -> None:
    server = await asyncio.start_server(plain_words, "127.0.0.1", 0)
    async with server:
        model = kit.model(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", LONG)

        assert type((await outcome(model))[1]) is ConnectionLost
        await model.close()


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_a_certificate_that_is_not_trusted_is_not_asked_again(kit: Kit, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        missing = "openssl, which makes the certificate, is not installed"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    files = ("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem")
    made = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=a")
    subprocess.run(["openssl", *made, *files], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    async with await asyncio.start_server(plain_words, "127.0.0.1", 0, ssl=tls) as server:
        model = kit.model(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", LONG)
        _, end = await outcome(model)
        await model.close()

    assert type(end) is BadRequest
    assert "the certificate of 127.0.0.1 is not trusted" in str(end)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(kit: Kit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        model = kit.model(f"http://127.0.0.1:{server.getsockname()[1]}/v1", SHORT)

        assert type((await outcome(model))[1]) is TimedOut
        await model.close()


async def no_wait(seconds: float) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
@pytest.mark.parametrize("play", [status(529), said_in_stream("later", "server_error"), status(429, retry_after="1")])
async def test_5_what_failed_before_its_first_word_is_asked_again(kit: Kit, play: Play) -> None:
    async with Provider(play(kit), whole()(kit)).serving() as provider:
        inner = kit.model(provider.url, LONG)
        shown, end = await outcome(RetryingModel(inner, RetryPolicy(2), sleep=no_wait))
        await inner.close()

    assert isinstance(shown[0], RetryChunk)
    assert isinstance(end, AssistantMessage)
    assert text_of(shown) == end.text == "Hello"
    assert len(end.calls) == 1
    assert len(provider.asked) == 2


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
@pytest.mark.parametrize("play", [first_word_then(Disconnect), said_in_stream("later", "server_error", BOTH)])
async def test_5_what_failed_after_its_first_word_is_not(kit: Kit, play: Play) -> None:
    async with Provider(play(kit), whole()(kit)).serving() as provider:
        inner = kit.model(provider.url, LONG)
        shown, end = await outcome(RetryingModel(inner, RetryPolicy(2), sleep=no_wait))
        await inner.close()

    assert isinstance(end, Passing)
    assert text_of(shown) in {"Hel", "Hello"}
    assert len(provider.asked) == 1


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
@pytest.mark.parametrize("play", [status(429, retry_after="99999"), status(429, x_should_retry="false"), status(401)])
async def test_what_will_not_pass_is_asked_once(kit: Kit, play: Play) -> None:
    async with Provider(play(kit), whole()(kit)).serving() as provider:
        inner = kit.model(provider.url, LONG)
        _, end = await outcome(RetryingModel(inner, RetryPolicy(2), sleep=no_wait))
        await inner.close()

    assert isinstance(end, ModelError)
    assert len(provider.asked) == 1


ELSEWHERE = {
    1: "test_anthropic.py, test_openai_chat.py, test_openai_responses.py: what came is sent back as it was",
    9: "test_conversations.py: calls and results that lost each other are made whole",
    10: "test_conversations.py: a conversation goes on with another model of any protocol",
    11: "test_conversations.py: each request begins with the one before",
    12: "tests/agent: the toolbox tells its tools in one order; the body keeps it",
    13: "below: no schema is strict",
    14: "providers.md leaves Ollama's window to what finds local servers, not to a wire",
    15: "test_seeing.py: a refused image is asked without and not sent again; tests/tools/test_images.py: too large",
    17: "tests/models/test_pricing.py: prices by model; a route's own are the user's table",
    18: "tests/models/test_pricing.py: an unknown window is none, not 0",
}


def test_every_one_of_the_eighteen_breakers_has_its_place() -> None:
    here = {int(found[0]) for one in FAULTS if (found := re.match(r"\d+(?=:)", one.name))} | {5}

    assert here | set(ELSEWHERE) == set(range(1, 19))


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
def test_13_optional_arguments_stay_optional(kit: Kit) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = kit.wire.body(replace(ASK, tools=(ToolSpec("t", "T.", schema),)), "m", "api.example")

    assert '"strict": true' not in json.dumps(body)
    assert json.dumps(schema) in json.dumps(body)


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_a_body_that_cannot_be_utf8_is_sent_all_the_same(kit: Kit) -> None:
    odd = (
        UserMessage("a\udce9"),
        AssistantMessage((Text("b\ud83d"), ToolCall("c\udce9", "t\udce9", '{"a":"\udce9"}')), "m"),
    )
    async with Provider(whole()(kit)).serving() as provider:
        model = kit.model(provider.url)
        _, end = await outcome(model, replace(ASK, messages=(*odd, UserMessage("go on"))))
        await model.close()

    assert isinstance(end, AssistantMessage)
    check(kit.wire.protocol, provider.asked[0].body)
