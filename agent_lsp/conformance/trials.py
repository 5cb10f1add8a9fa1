"""The requests that an endpoint is tried with, each paid for from one purse before it is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from agent_lsp.conformance.recording import Connection, Exchange
from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.models import KeyRefused, ModelError, RateLimited, Request, ToolSpec
from agent_lsp.models.pricing import Price
from agent_lsp.models.wire.wire_model import Wire

MARKER = "pelican"
"""The word that a model must have read to say it."""
FRONT_WORDS = 6_000
"""More than the 4,096 tokens at which some servers cut by default."""
NO_MODEL = "agent-lsp-no-such-model"
_BYTES_PER_TOKEN = 3
"""At least: the texts are ours, plain English words and JSON."""
_AROUND = 500
"""Tokens that providers put around a request: chat templates, instructions for tool use."""
_LONGEST_WAIT = 30.0
_UNPRICED_TOKENS = 20_000
"""What may be spent blindly where no price is known."""
_PREFIX_WORDS = 2_400
"""Tokens, roughly: caches begin at 1,024 with most models."""
_LARGEST_WINDOW = 2_000_000
"""Tokens: to fill a larger one takes megabytes, and a server may claim any."""
_BRIEF = "Follow the instruction exactly and say nothing else."
_READ = ToolSpec(
    "read_file",
    "Reads a file of the workspace.",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)
Past = Mapping[str, Exchange]


@dataclass(frozen=True, slots=True)
class Trial:
    """A request that is made of what came before; None where what came before makes it needless."""

    name: str
    request: Callable[[Past], Request | None]
    wire: Callable[[Wire], Wire] = lambda wire: wire
    model: str = ""
    leave: bool = False


@dataclass
class Purse:
    """USD, and what requests took of it; where no price is known, tokens are all that is counted."""

    price: Price
    most: float
    spent: float = 0.0
    tokens: int = 0
    requests: int = 0

    @property
    def knows_the_price(self) -> bool:
        return self.price.cost(Usage()) is not None

    def has(self, usd: float) -> bool:
        return self.spent + usd <= self.most

    def pay(self, usage: Usage) -> None:
        self.requests += 1
        self.tokens += usage.tokens
        self.spent += self.price.cost(usage) or 0.0


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """What is going to be asked: how many requests, tokens and USD they take at most."""

    trials: tuple[Trial, ...]
    window: int | None
    tokens: int
    usd: float


@dataclass
class TrialRecord:
    """What came of the trials: exchanges by name, and why the others were not made."""

    window: int | None
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def planned(wire: Wire, purse: Purse, window: int | None) -> TrialPlan:
    """All trials of an endpoint whose window has so many tokens, None where it is not known."""
    trials = (*_TRIALS, *_long_ones(window))
    bounds = [_bounds(one, wire, request) for one in trials if (request := one.request({}))]
    return TrialPlan(trials, window, sum(map(sum, bounds)), sum(purse.price.worst_cost(*bound) for bound in bounds))


async def tried(
    plan: TrialPlan,
    line: Connection,
    purse: Purse,
    *,
    announce: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> TrialRecord:
    """Makes the trials one after the other, announcing the name of each before it begins.

    Raises the ModelError of the first when it had no answer with status 200: no other could have one.
    """
    record = TrialRecord(plan.window)
    for trial in plan.trials:
        request = trial.request(record.exchanges)
        if request is None:
            continue
        own = replace(line, wire=trial.wire(line.wire), model=trial.model or line.model)
        if reason := _too_dear(own.wire, request, purse):
            record.skipped[trial.name] = reason
            continue
        announce(trial.name)
        exchange = await _made(own, request, purse, leave=trial.leave, sleep=sleep)
        record.exchanges[trial.name] = exchange
        if trial is HELLO and exchange.error and (exchange.status != 200 or isinstance(exchange.error, KeyRefused)):
            raise exchange.error
    return record


def _too_dear(wire: Wire, request: Request, purse: Purse) -> str:
    """Why a request is not made; empty where it is."""
    read, written = _most_read(wire, request), request.max_output_tokens
    if not purse.knows_the_price and read > _UNPRICED_TOKENS:
        return f"it could take {read} tokens, whose price is not known"
    worst = purse.price.worst_cost(read, written)
    if purse.has(worst):
        return ""
    return f"it could cost ${worst:.4f}; ${max(0.0, purse.most - purse.spent):.4f} are left"


async def _made(
    line: Connection, request: Request, purse: Purse, *, leave: bool, sleep: Callable[[float], Awaitable[None]]
) -> Exchange:
    """The exchange; a provider that asks to wait a little is asked once more."""
    exchange = await _paid(line, request, purse, leave=leave)
    wait = exchange.error.retry_after if isinstance(exchange.error, RateLimited) else None
    if wait is None or wait > _LONGEST_WAIT:
        return exchange
    await sleep(wait)
    return await _paid(line, request, purse, leave=leave)


async def _paid(line: Connection, request: Request, purse: Purse, *, leave: bool) -> Exchange:
    exchange = await line.ask(request, leave=leave)
    purse.pay(_used(exchange, line.wire))
    return exchange


def _used(exchange: Exchange, wire: Wire) -> Usage:
    """What is to be paid: as counted, nothing where it was refused, the most where nobody says."""
    if exchange.usage.tokens or (isinstance(exchange.end, ModelError) and not exchange.end.may_have_cost):
        return exchange.usage
    return Usage(input_tokens=_most_read(wire, exchange.request), output_tokens=exchange.request.max_output_tokens)


def _bounds(trial: Trial, wire: Wire, request: Request) -> tuple[int, int]:
    """The most tokens of a request and of its answer."""
    return _most_read(trial.wire(wire), request), request.max_output_tokens


def _most_read(wire: Wire, request: Request) -> int:
    body = json.dumps(wire.body(request, "", "")).encode()
    return len(body) // _BYTES_PER_TOKEN + _AROUND


def _asking(text: str, tokens: int, *, tools: bool = False, system: str = _BRIEF) -> Callable[[Past], Request]:
    request = Request(system, (UserMessage(text),), (_READ,) if tools else (), tokens)
    return lambda _: request


_CALL = _asking("Call the tool read_file with the path notes.txt.", 800, tools=True)


def _forced_call(past: Past) -> Request | None:
    """The call once more, demanded: only where a model did not call when it was asked to."""
    before = past.get("call")
    needless = before and (before.error or (before.answer and before.answer.calls))
    return None if needless else _CALL(past)


def _demanding(wire: Wire) -> Wire:
    """Demands a call. Only here: in a turn the model chooses."""
    demand = {"type": "any"} if wire.protocol == "anthropic" else "required"
    return replace(wire, body=lambda *asked: {**wire.body(*asked), "tool_choice": demand})


def called(past: Past) -> Exchange | None:
    """The exchange in which the model called, asked or demanded."""
    for name in ("call", "demanded call"):
        exchange = past.get(name)
        if exchange and exchange.answer and exchange.answer.calls:
            return exchange
    return None


def _result(past: Past) -> Request:
    """The model's own call with its result; without one, a call of another model."""
    exchange = called(past)
    made = exchange.answer if exchange else None
    made = made or AssistantMessage((ToolCall("call_1", _READ.name, '{"path":"notes.txt"}'),), "another:model")
    results = ToolMessage(tuple(ToolResult(call.id, f"The word is {MARKER}.") for call in made.calls))
    messages: tuple[Message, ...] = (UserMessage("Which word is in notes.txt? Read it and say it."), made, results)
    return Request(_BRIEF, messages, (_READ,), 600)


def _malformed(wire: Wire) -> Wire:
    """A request without messages, which every protocol refuses."""
    return replace(wire, body=lambda _, model, __: {"model": model, "stream": True})


def _long_ones(window: int | None) -> tuple[Trial, ...]:
    """The dearest last: one prefix twice, a request that should fit, and one that cannot."""
    prefix = _asking("Say yes.", 32, system=f"{_BRIEF} {'precise ' * _fitting(_PREFIX_WORDS, window)}")
    fitting = (
        Trial("prefix", prefix),
        Trial("same prefix", prefix),
        Trial("front", _asking(_marked(_fitting(FRONT_WORDS, window)), 100)),
    )
    if window is None or window > _LARGEST_WINDOW:
        return fitting
    return (*fitting, Trial("overflow", _asking(_marked(window * 5 // 4), 100)))


def _fitting(words: int, window: int | None) -> int:
    """So many words, or three quarters of the window if that is less."""
    return min(words, window * 3 // 4) if window else words


def _marked(words: int) -> str:
    """So many words, of which the first are the ones that matter."""
    return f"The secret word is {MARKER}. {'word ' * words}What is the secret word? Say only that word."


HELLO = Trial("hello", _asking("Count from one to fifty in English words, separated by commas. Write only that.", 800))
_TRIALS = (
    HELLO,
    Trial("call", _CALL),
    Trial("demanded call", _forced_call, wire=_demanding),
    Trial(
        "parallel",
        _asking("Read the files one.txt and two.txt: call read_file twice, in one answer.", 800, tools=True),
    ),
    Trial("result", _result),
    Trial("limit", _asking("Write a story of five hundred words about the sea.", 16)),
    Trial("cancel", _asking("Write a story of five hundred words about the sea.", 800), leave=True),
    Trial("after", _asking("Say yes.", 32)),
    Trial("unknown model", _asking("Say yes.", 16), model=NO_MODEL),
    Trial("malformed", _asking("Say yes.", 16), wire=_malformed),
)
