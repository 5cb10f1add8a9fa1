"""An honest endpoint, and endpoints with one fault each: what the probes find, over real HTTP."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from agent_lsp.conformance import Finding, ProbeVerdict, Tolerance, unknown
from agent_lsp.conformance.probes import PROBES, judged
from agent_lsp.conformance.recording import Connection
from agent_lsp.conformance.trials import NO_MODEL, Purse, planned, tried
from agent_lsp.conversation.messages import AssistantMessage, UserMessage
from agent_lsp.models import (
    BadRequest,
    BadResponse,
    ConnectionLost,
    KeyRefused,
    ModelError,
    RateLimited,
    Request,
    TimedOut,
)
from agent_lsp.models.pricing import Price
from agent_lsp.models.wire.http import Endpoint, Patience
from tests.models.provider import Hang, Provider, Reply, delta
from tests.models.wires import CHAT, KITS, MESSAGES, RESPONSES, Call, Kit, Said, Thought, Words, uncounted

WINDOW = 8_000
PROMPTLY = 0.4
FREE = Price("m", free=True)
WORDS = Words(("one, two, three, four",) * 8)
THOUGHT = Thought(("hm", "m"))
CALL = Call("c1", "read_file", ('{"path":', '"notes.txt"}'))
COUNTED = Said((THOUGHT, WORDS), output=60)
CALLED = Said((THOUGHT, CALL), "tools")
BOTH = Said((CALL, replace(CALL, id="c2")), "tools")
YES = Said((Words(("yes",)),))
PELICAN = Said((Words(("pelican",)),), fresh=6_100)
STREAM = {"content-type": "text/event-stream"}
OK, CARRIED, WRONG = ProbeVerdict.OK, ProbeVerdict.CARRIED, ProbeVerdict.WRONG
NOT_APPLICABLE, UNKNOWN = ProbeVerdict.NOT_APPLICABLE, ProbeVerdict.UNKNOWN
Play = Callable[[Kit], Reply]


def says(said: Said, **more: Any) -> Play:
    return lambda kit: Reply(tuple(kit.streamed(said)), **more)


def slowly(events: Sequence[bytes], **more: Any) -> Reply:
    return Reply(tuple(piece for one in events for piece in (one, 0.01)), **more)


def status(code: int, body: bytes = b'{"error": {"message": "no such thing"}}') -> Play:
    return lambda _: Reply((body,), code, {"content-type": "application/json"})


def changed(change: Callable[[bytes], bytes], said: Said = COUNTED) -> Play:
    return lambda kit: slowly([change(one) for one in kit.streamed(said)])


def without_last(count: int | None = None) -> Play:
    return lambda kit: slowly(kit.streamed(COUNTED)[: -(count or kit.last)])


def inside_200(kit: Kit) -> Reply:
    return Reply((kit.error("no such thing", "invalid_request_error"),))


HONEST: Mapping[str, Play] = {
    "hello": lambda kit: slowly(kit.streamed(COUNTED)),
    "call": says(CALLED),
    "parallel": says(BOTH),
    "result": says(Said((Words(("The word is ", "Pelican.")),))),
    "limit": says(Said((WORDS,), "length", output=16)),
    "cancel": lambda kit: Reply((*kit.streamed(Said((WORDS,)))[:5], Hang)),
    "after": says(YES),
    "unknown model": status(404),
    "malformed": status(400),
    "prefix": says(replace(YES, written=2_000)),
    "same prefix": says(replace(YES, read=2_000)),
    "front": says(PELICAN),
    "overflow": status(400, b'{"error": {"message": "prompt is too long: 10000 tokens > 8000 maximum"}}'),
}


async def findings(
    kit: Kit, plays: Mapping[str, Play], window: int | None = WINDOW, price: Price = FREE, most: float = 0.0
) -> tuple[list[Finding], Provider, Purse]:
    """What is found of an endpoint that plays so, trial by trial."""
    async with Provider(*(play(kit) for play in plays.values())).serving() as provider:
        line = Connection(kit.wire, Endpoint(provider.url, kit.headers), "m", Patience(20, 20))
        purse = Purse(price, most)
        record = await tried(planned(kit.wire, purse, window), line, purse)
    return judged(kit.wire.protocol, record, promptly=PROMPTLY), provider, purse


def but_ok(found: Sequence[Finding]) -> dict[str, ProbeVerdict]:
    return {one.probe: one.judgement.verdict for one in found if one.judgement.verdict is not OK}


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_an_honest_endpoint_is_all_right(kit: Kit) -> None:
    found, provider, _ = await findings(kit, HONEST)

    assert [one.probe for one in found] == [probe.name for probe in PROBES]
    assert but_ok(found) == {}
    assert len(provider.asked) == len(HONEST)
    assert all(asked.headers["accept-encoding"] == "identity" for asked in provider.asked)


@dataclass(frozen=True)
class Fault:
    """How an endpoint answers some trials, and the probes that find it; `only` names protocols where it can be."""

    name: str
    plays: Mapping[str, Play]
    found: dict[str, ProbeVerdict]
    tolerance: Tolerance | None = None
    only: tuple[Kit, ...] = (CHAT, MESSAGES, RESPONSES)
    order: tuple[str, ...] = field(default=tuple(HONEST))


def fault(
    name: str,
    trial: str,
    play: Play,
    found: dict[str, ProbeVerdict],
    tolerance: Tolerance | None = None,
    only: tuple[Kit, ...] = (CHAT, MESSAGES, RESPONSES),
) -> Fault:
    return Fault(name, {trial: play}, found, tolerance, only)


def uncalled(name: str, said: Said, demanded: Said, found: dict[str, ProbeVerdict]) -> Fault:
    """A model that does not call unless, perhaps, it is demanded."""
    order = ("hello", "call", "demanded call", *(name for name in HONEST if name not in {"hello", "call"}))
    return Fault(name, {"call": says(said), "demanded call": says(demanded)}, found, order=order)


def squeezed(kit: Kit) -> Reply:
    """Each event compressed and flushed for itself."""
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(one) + packer.flush(zlib.Z_SYNC_FLUSH) for one in kit.streamed(COUNTED)]
    return slowly([*pieces, packer.flush()], headers={**STREAM, "content-encoding": "gzip"})


def unstreamed(kit: Kit) -> Reply:
    """The answer as one JSON body."""
    text = "".join(WORDS.pieces)
    usage = {"input_tokens": 10, "output_tokens": 60}
    body: dict[str, Any] = {
        "openai-chat": {
            "choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 60},
        },
        "anthropic": {
            "type": "message",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "usage": usage,
        },
        "openai-responses": {
            "object": "response",
            "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": text}]}],
            "usage": usage,
        },
    }[kit.wire.protocol]
    return Reply((json.dumps(body).encode(),), headers={"content-type": "application/json"})


def hollow_end(one: bytes) -> bytes:
    return re.sub(rb'"output": \[\{.*\}\], "usage"', b'"output": [], "usage"', one)


def fragments(*calls: dict[str, object]) -> Play:
    """Calls of Chat Completions, literally."""
    head = delta(reasoning_content="hm")
    return lambda kit: Reply((head, *(delta(tool_calls=[call]) for call in calls), *kit.streamed(CALLED)[-3:]))


def out_of_order(kit: Kit) -> Reply:
    events = kit.streamed(CALLED)
    announced = next(place for place, one in enumerate(events) if b'"c1"' in one)
    arguments = next(place for place, one in enumerate(events) if rb"{\"path\":" in one)
    events.insert(announced, events.pop(arguments))
    return Reply(tuple(events))


def only_the_end(kit: Kit) -> Reply:
    return Reply((kit.streamed(CALLED)[-1],))


def usage_inside(kit: Kit) -> Reply:
    events = kit.streamed(COUNTED)
    usage = {"prompt_tokens": 10, "completion_tokens": 60}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}]}
    return slowly([*events[:-3], b"data: " + json.dumps(end).encode() + b"\n\n", events[-1]])


def dearer(one: bytes) -> bytes:
    return one.replace(b'"total_tokens": 70', b'"total_tokens": 170')


WHOLE = '{"path":"a"}'
FUNCTION = {"name": "read_file", "arguments": WHOLE}
FIRST = {"index": 0, "id": "c1", "function": FUNCTION}
STOPPED = {"openai-chat": b'"finish_reason": "stop"', "anthropic": b'"stop_reason": "end_turn"'}
CHAT_AND_RESPONSES, CHAT_AND_MESSAGES = (CHAT, RESPONSES), (CHAT, MESSAGES)


def unnamed_stop(kit: Kit) -> Reply:
    word = STOPPED[kit.wire.protocol]
    null = word.partition(b":")[0] + b": null"
    return slowly([one.replace(word, null) for one in kit.streamed(COUNTED)])


FAULTS = [
    fault(
        "all in one lump",
        "hello",
        lambda kit: Reply((0.1, b"".join(kit.streamed(COUNTED)))),
        {"streaming": WRONG},
    ),
    fault(
        "one JSON body",
        "hello",
        unstreamed,
        {"streaming": WRONG, "text": CARRIED},
        Tolerance.LATE,
    ),
    fault(
        "no Content-Type",
        "hello",
        lambda kit: slowly(kit.streamed(COUNTED), headers={}),
        {"content type": CARRIED},
        Tolerance.CONTENT_TYPE,
    ),
    fault("compressed", "hello", squeezed, {"compression": CARRIED}, Tolerance.COMPRESSION),
    fault("no words", "hello", says(Said((), output=5)), {"streaming": UNKNOWN, "text": WRONG}),
    fault(
        "a last event is missing",
        "hello",
        without_last(1),
        {"stop reason": CARRIED},
        Tolerance.ONE_END,
        CHAT_AND_MESSAGES,
    ),
    fault("the end is missing", "hello", without_last(), {"stop reason": WRONG, "usage": UNKNOWN}),
    fault("no stop reason", "hello", unnamed_stop, {"stop reason": CARRIED}, Tolerance.ONE_END, CHAT_AND_MESSAGES),
    fault(
        "a call under a plain end",
        "call",
        says(replace(CALLED, stop="end")),
        {"stop reason": CARRIED},
        Tolerance.CALLS_ANYWAY,
        CHAT_AND_MESSAGES,
    ),
    fault(
        "a stop for tools without a call",
        "hello",
        changed(bytes, replace(COUNTED, stop="tools")),
        {"stop reason": CARRIED},
        Tolerance.NO_CALLS_ANYWAY,
        CHAT_AND_MESSAGES,
    ),
    fault(
        "a last event that tells of nothing",
        "hello",
        changed(hollow_end),
        {"stop reason": CARRIED},
        Tolerance.HOLLOW_END,
        (RESPONSES,),
    ),
    fault(
        "a whole answer that is said to be cut",
        "hello",
        changed(bytes, replace(COUNTED, stop="length")),
        {"stop reason": WRONG},
    ),
    fault("nothing counted", "hello", changed(bytes, replace(COUNTED, fresh=0, output=0)), {"usage": WRONG}),
    fault(
        "no usage",
        "hello",
        lambda kit: slowly([one for one in kit.streamed(COUNTED) if b'"usage"' not in one]),
        {"usage": WRONG},
        only=(CHAT,),
    ),
    fault("a sum above its parts", "hello", changed(dearer), {"usage": WRONG}, only=CHAT_AND_RESPONSES),
    fault(
        "more cached than read",
        "hello",
        changed(bytes, replace(COUNTED, fresh=-50, read=60)),
        {"usage": WRONG},
        only=CHAT_AND_RESPONSES,
    ),
    fault(
        "usage inside the choice",
        "hello",
        usage_inside,
        {"usage": CARRIED},
        Tolerance.USAGE_IN_CHOICE,
        (CHAT,),
    ),
    fault("tools refused", "call", status(400), {"tool call": WRONG, "arguments": NOT_APPLICABLE}),
    uncalled(
        "a call as words",
        Said((Words(('<tool_call>{"name": "read_file"}',)),)),
        YES,
        {"tool call": WRONG, "arguments": NOT_APPLICABLE},
    ),
    uncalled("no call", YES, YES, {"tool call": UNKNOWN, "arguments": NOT_APPLICABLE}),
    uncalled("a call only when demanded", YES, CALLED, {}),
    fault(
        "broken arguments",
        "call",
        says(Said((THOUGHT, replace(CALL, pieces=('{"path":',))), "tools")),
        {"arguments": WRONG},
    ),
    fault("a delta before its beginning", "call", out_of_order, {"arguments": CARRIED}, Tolerance.ORDER),
    fault(
        "a call without an index",
        "call",
        fragments({"id": "c1", "function": FUNCTION}),
        {"arguments": CARRIED},
        Tolerance.CALLS_BY_ID,
        (CHAT,),
    ),
    fault(
        "arguments that are an object",
        "call",
        fragments({**FIRST, "function": {**FUNCTION, "arguments": {"path": "a"}}}),
        {"arguments": CARRIED},
        Tolerance.ARGUMENTS_OBJECT,
        (CHAT,),
    ),
    fault(
        "a call without an id",
        "call",
        fragments({"index": 0, "function": FUNCTION}),
        {"arguments": CARRIED},
        Tolerance.OWN_ID,
        (CHAT,),
    ),
    fault("a call said twice", "call", fragments(FIRST, FIRST), {"arguments": CARRIED}, Tolerance.CALL_AGAIN, (CHAT,)),
    fault(
        "a call that only the last event has",
        "call",
        only_the_end,
        {"arguments": CARRIED},
        Tolerance.LATE,
        (RESPONSES,),
    ),
    fault("one call of two", "parallel", says(CALLED), {"parallel calls": UNKNOWN}),
    fault("two calls refused", "parallel", status(400), {"parallel calls": WRONG}),
    fault(
        "calls that run into one another",
        "parallel",
        says(Said((replace(CALL, pieces=(WHOLE, WHOLE)),), "tools")),
        {"parallel calls": WRONG},
    ),
    fault(
        "two calls of one id",
        "parallel",
        says(Said((CALL, CALL), "tools")),
        {"parallel calls": CARRIED},
        Tolerance.OWN_ID,
    ),
    fault(
        "two calls of one index",
        "parallel",
        fragments(FIRST, {**FIRST, "id": "c2"}),
        {"parallel calls": CARRIED},
        Tolerance.INDEX_SHARED,
        (CHAT,),
    ),
    fault("a result refused", "result", status(400), {"tool result": WRONG, "thinking": WRONG}),
    fault("a result without an answer", "result", says(Said((), output=5)), {"tool result": WRONG}),
    fault(
        "thoughts in the words",
        "hello",
        changed(bytes, Said((Words(("<think>hm</think>", *WORDS.pieces)),), output=60)),
        {"thinking": WRONG},
    ),
    fault(
        "thoughts without a seal",
        "call",
        says(Said((replace(THOUGHT, seal=""), CALL), "tools")),
        {"thinking": CARRIED},
        Tolerance.THOUGHT_AS_IT_CAME,
        (MESSAGES,),
    ),
    Fault(
        "thoughts that cannot be sent back",
        {
            "hello": changed(bytes, replace(COUNTED, parts=(replace(THOUGHT, seal=""), WORDS))),
            "call": says(Said((replace(THOUGHT, seal=""), CALL), "tools")),
        },
        {"thinking": CARRIED},
        Tolerance.THOUGHT_LEFT_OUT,
        (RESPONSES,),
    ),
    Fault(
        "no thinking",
        {"hello": changed(bytes, replace(COUNTED, parts=(WORDS,))), "call": says(Said((CALL,), "tools"))},
        {"thinking": NOT_APPLICABLE},
    ),
    Fault(
        "hidden thinking",
        {
            "hello": changed(bytes, replace(COUNTED, parts=(WORDS,), reasoning=40)),
            "call": says(Said((CALL,), "tools")),
        },
        {},
    ),
    fault("a limit not obeyed", "limit", says(replace(YES, output=100)), {"output limit": WRONG}),
    fault(
        "a limit met without a word of it",
        "limit",
        says(replace(YES, output=16)),
        {"output limit": CARRIED},
        Tolerance.LIMIT_BY_COUNT,
    ),
    fault("a limit that looks like an overflow", "limit", says(Said((), "length", output=0)), {"output limit": WRONG}),
    fault("a limit not met", "limit", says(YES), {"output limit": UNKNOWN}),
    fault("a short limit refused", "limit", status(400), {"output limit": WRONG}),
    fault("busy after a cancel", "after", lambda kit: Reply((0.8, *kit.streamed(YES))), {"cancel": WRONG}),
    fault("down after a cancel", "after", status(503), {"cancel": WRONG}),
    fault("an answer too short to cancel", "cancel", says(Said((), output=5)), {"cancel": UNKNOWN}),
    fault("an unknown model is a failure", "unknown model", status(500), {"unknown model": WRONG}),
    fault("an unknown model is a number", "unknown model", status(404, b""), {"unknown model": WRONG}),
    fault(
        "an unknown model in HTML",
        "unknown model",
        status(404, b"<html>Not Found</html>"),
        {"unknown model": CARRIED},
        Tolerance.ERROR_WORDS,
    ),
    fault(
        "an unknown model inside 200",
        "unknown model",
        inside_200,
        {"unknown model": CARRIED},
        Tolerance.ERROR_INSIDE,
    ),
    fault("any model's name will do", "unknown model", says(YES), {"unknown model": NOT_APPLICABLE}),
    fault("a bad request is a failure", "malformed", status(500), {"error format": WRONG}),
    fault("a bad request is a number", "malformed", status(400, b""), {"error format": WRONG}),
    fault("a bad request in words", "malformed", status(400, b"no"), {"error format": CARRIED}, Tolerance.ERROR_WORDS),
    fault("a bad request inside 200", "malformed", inside_200, {"error format": CARRIED}, Tolerance.ERROR_INSIDE),
    fault("a bad request is answered", "malformed", says(YES), {"error format": UNKNOWN}),
    fault("no cache", "same prefix", says(replace(YES, fresh=2_010)), {"cache": UNKNOWN}),
    fault("a cache that fails", "same prefix", status(500), {"cache": UNKNOWN}),
    fault(
        "cached tokens beside the input",
        "same prefix",
        says(replace(YES, fresh=-1_990, read=2_000)),
        {"cache": WRONG},
        only=CHAT_AND_RESPONSES,
    ),
    fault(
        "cached tokens counted twice",
        "same prefix",
        says(replace(YES, fresh=2_010, read=2_000)),
        {"cache": WRONG},
    ),
    fault("a front cut off in silence", "front", says(replace(PELICAN, fresh=4_095)), {"front": WRONG}),
    fault("a window smaller than said", "front", HONEST["overflow"], {"front": WRONG}),
    fault("a front that nobody counts", "front", says(replace(YES, fresh=0)), {"front": UNKNOWN}),
    fault("long requests fail", "front", status(500), {"front": WRONG}),
    fault("an overflow of another name", "overflow", status(400), {"overflow": WRONG}),
    fault("an overflow cut in silence", "overflow", says(replace(PELICAN, fresh=7_000)), {"overflow": WRONG}),
    fault("an overflow that nobody counts", "overflow", says(replace(YES, fresh=0)), {"overflow": WRONG}),
    fault(
        "an overflow as an empty answer",
        "overflow",
        says(Said((), "length", output=0)),
        {"overflow": CARRIED},
        Tolerance.OVERFLOW_BY_EMPTINESS,
    ),
    fault("a window larger than said", "overflow", says(replace(PELICAN, fresh=10_100)), {}),
]
ROWS = [pytest.param(kit, one, id=f"{one.name} · {kit.wire.protocol}") for one in FAULTS for kit in one.only]


@pytest.mark.parametrize(("kit", "row"), ROWS)
async def test_each_fault_is_found_by_its_probe_and_by_no_other(kit: Kit, row: Fault) -> None:
    plays = {**HONEST, **row.plays}
    found, _, _ = await findings(kit, {name: plays[name] for name in row.order})

    assert but_ok(found) == row.found, found
    assert [one.judgement.tolerance for one in found if one.judgement.tolerance] == [
        tolerance for tolerance in (row.tolerance,) if tolerance
    ]
    assert {one.probe for one in found if one.judgement.notice} == {
        name for name, verdict in row.found.items() if verdict is WRONG
    }


def test_every_tolerance_and_every_probe_has_a_fault_that_shows_it() -> None:
    assert {one.tolerance for one in FAULTS if one.tolerance} == set(Tolerance)
    assert {probe for one in FAULTS for probe in one.found} | {"reachable"} == {probe.name for probe in PROBES}


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_thoughts_and_result_are_sent_back_and_the_wrong_model_is_asked_for(kit: Kit) -> None:
    _, provider, _ = await findings(kit, HONEST)
    asked = dict(zip(HONEST, provider.asked, strict=True))

    result = json.dumps(asked["result"].body)
    assert "The word is pelican." in result
    assert ("seal==" if kit is not CHAT else '"reasoning_content": "hmm"') in result
    assert asked["unknown model"].body["model"] == NO_MODEL
    assert asked["malformed"].body == {"model": "m", "stream": True}
    assert asked["cancel"].gone.is_set()
    assert asked["prefix"].body == asked["same prefix"].body


async def test_a_call_is_demanded_only_of_a_model_that_did_not_call() -> None:
    row = next(one for one in FAULTS if one.name == "a call only when demanded")
    plays = {**HONEST, **row.plays}
    found, provider, _ = await findings(CHAT, {name: plays[name] for name in row.order})

    assert [asked.body.get("tool_choice") for asked in provider.asked[:4]] == [None, None, "required", None]
    call = next(one for one in found if one.probe == "tool call")
    assert call.judgement.evidence == 'read_file {"path":"notes.txt"}, only when demanded'


@pytest.mark.parametrize(("play", "error"), [(status(401), KeyRefused), (status(404), BadRequest)])
async def test_an_endpoint_that_refuses_the_first_request_is_asked_no_more(play: Play, error: type[ModelError]) -> None:
    async with Provider(play(CHAT)).serving() as provider:
        purse = Purse(FREE, 0.0)
        with pytest.raises(error):
            await tried(planned(CHAT.wire, purse, None), Connection(CHAT.wire, Endpoint(provider.url, {}), "m"), purse)

    assert len(provider.asked) == 1


async def test_an_endpoint_that_is_not_there_is_told_as_that() -> None:
    purse = Purse(FREE, 0.0)
    with pytest.raises(ConnectionLost):
        await tried(
            planned(CHAT.wire, purse, None), Connection(CHAT.wire, Endpoint("http://127.0.0.1:1", {}), "m"), purse
        )


async def test_an_endpoint_that_asks_to_wait_is_asked_once_more() -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    busy = Reply((b"{}",), 429, {"retry-after": "7"})
    late = Reply((b"{}",), 429, {"retry-after": "700"})
    purse = Purse(FREE, 0.0)
    plan = planned(CHAT.wire, purse, None)
    plays = [HONEST["hello"](CHAT), busy, HONEST["call"](CHAT), late]
    async with Provider(*plays).serving() as provider:
        line = Connection(CHAT.wire, Endpoint(provider.url, {}), "m")
        record = await tried(replace(plan, trials=plan.trials[:4]), line, purse, sleep=wait)

    ends = {name: type(exchange.end) for name, exchange in record.exchanges.items()}
    assert ends == {"hello": AssistantMessage, "call": AssistantMessage, "parallel": RateLimited}
    assert waited == [7]


async def test_an_endpoint_that_only_asks_to_wait_is_not_judged() -> None:
    limited = Reply((b"{}",), 429, {"retry-after": "700"})
    found, _, _ = await findings(CHAT, {**HONEST, "front": lambda _: limited})

    assert but_ok(found) == {"front": UNKNOWN}


async def test_nothing_is_sent_that_does_not_fit_the_purse() -> None:
    found, provider, purse = await findings(CHAT, HONEST, price=Price("gpt-5-mini"), most=0.0)

    assert provider.asked == []
    assert {one.judgement.verdict for one in found} == {UNKNOWN}
    assert all(one.judgement.evidence.startswith("skipped: it could cost $0.") for one in found)
    assert (purse.spent, purse.requests) == (0.0, 0)


async def test_the_dearest_is_skipped_and_what_was_used_is_paid() -> None:
    price = Price("gpt-5-mini")
    with_overflow, without = (planned(CHAT.wire, Purse(price, 0.0), window).usd for window in (WINDOW, None))
    overflow = with_overflow - without
    found, _, purse = await findings(CHAT, HONEST, price=price, most=1.3 * overflow)

    assert but_ok(found) == {"overflow": UNKNOWN}
    assert found[-1].judgement.evidence.startswith(f"skipped: it could cost ${overflow:.4f}; $0.00")
    assert 0.3 * overflow < purse.spent < 1.3 * overflow
    assert purse.requests == len(HONEST) - 1


async def test_the_worst_case_is_told_before_and_holds() -> None:
    purse = Purse(Price("gpt-5-mini"), 1.0)
    plan = planned(CHAT.wire, purse, WINDOW)
    _, _, used = await findings(CHAT, HONEST, price=Price("gpt-5-mini"), most=1.0)

    assert (len(plan.trials), used.requests) == (len(HONEST) + 1, len(HONEST))
    assert used.tokens < plan.tokens
    assert used.spent < plan.usd < 0.05


async def test_an_answer_that_is_not_counted_is_paid_with_the_most_it_could_take() -> None:
    purse = Purse(Price("gpt-5-mini"), 1.0)
    plan = planned(CHAT.wire, purse, None)
    async with Provider(Reply(tuple(map(uncounted, CHAT.streamed(COUNTED))))).serving() as provider:
        line = Connection(CHAT.wire, Endpoint(provider.url, {}), "m", Patience(20, 20))
        await tried(replace(plan, trials=plan.trials[:1]), line, purse)

    assert (purse.requests, purse.tokens > 800, purse.spent > 0) == (1, True, True)


async def test_without_a_price_only_small_requests_are_made() -> None:
    found, _, purse = await findings(CHAT, HONEST, window=100_000, price=Price("nobody-knows"))

    assert but_ok(found) == {"overflow": UNKNOWN}
    assert re.fullmatch(r"skipped: it could take \d+ tokens, whose price is not known", found[-1].judgement.evidence)
    assert purse.spent == 0.0


async def test_without_a_known_window_there_is_no_overflow_to_try() -> None:
    found, provider, _ = await findings(CHAT, HONEST, window=None)

    assert but_ok(found) == {"overflow": UNKNOWN}
    assert "AGENT_LSP_CONTEXT_WINDOW" in found[-1].judgement.evidence
    assert len(provider.asked) == len(HONEST) - 1


async def test_a_window_that_is_too_large_to_fill_is_not_filled() -> None:
    found, provider, _ = await findings(CHAT, {**HONEST, "overflow": status(400)}, window=10**15)

    [overflow] = [one.judgement for one in found if one.probe == "overflow"]
    assert overflow == unknown("skipped: a window of 1,000,000,000,000,000 tokens is too large to fill")
    assert max(len(json.dumps(asked.body)) for asked in provider.asked) < 100_000


async def test_what_an_endpoint_says_is_cut_where_it_is_quoted() -> None:
    long = json.dumps({"error": {"message": "no " * 10_000}}).encode()
    found, _, _ = await findings(CHAT, {**HONEST, "malformed": status(400, long)})

    assert max(len(one.judgement.evidence) for one in found) == 2_000


@pytest.mark.parametrize(
    ("reply", "longest", "error"),
    [
        (Reply([b": " + b"x" * (1 << 20) + b"\n"] * 70), 30.0, BadResponse),
        (Reply([piece for _ in range(1_000) for piece in (delta(content="a"), 0.01)]), 1.0, TimedOut),
    ],
    ids=["comments", "drops"],
)
async def test_an_answer_without_end_is_given_up(reply: Reply, longest: float, error: type[ModelError]) -> None:
    async with Provider(reply).serving() as provider:
        line = Connection(CHAT.wire, Endpoint(provider.url, {}), "m", Patience(20, 20), longest=longest)
        exchange = await line.ask(Request("Be brief.", (UserMessage("hi"),), (), 100))

    assert type(exchange.error) is error
    assert sum(len(piece) for _, piece in exchange.pieces) < 70 << 20
