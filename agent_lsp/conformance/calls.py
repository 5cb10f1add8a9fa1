"""Probes of tools: a call, its arguments, several calls at once, and a result sent back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_lsp.conformance import Judgement, Tolerance, carried, not_applicable, ok, unknown, wrong
from agent_lsp.conformance.facts import Facts, Fragment
from agent_lsp.conformance.observations import Observations
from agent_lsp.conformance.trials import MARKER, called
from agent_lsp.conversation.messages import StopReason, ToolCall
from agent_lsp.models.wire import openai_chat
from agent_lsp.models.wire.replay import arguments_object

_IN_WORDS = re.compile(r"<tool_call|<function=|\[TOOL_CALLS\]|\"name\"\s*:\s*\"read_file\"")


def tool_call(seen: Observations) -> Judgement:
    """A call where one is asked for, or at least where it is demanded."""
    exchange = called(seen.record.exchanges)
    if exchange and exchange.answer:
        call = exchange.answer.calls[0]
        demanded = "" if exchange is seen.get("call") else ", only when demanded"
        return ok(f"{call.tool} {call.arguments}{demanded}")
    notice = "no tool can be used: it can only talk"
    asked = seen["call"]
    if asked.error:
        return wrong(str(asked.error), notice)
    if asked.answer and _IN_WORDS.search(asked.answer.text):
        return wrong(f"the call came as words: {asked.answer.text}", notice)
    return unknown("it did not call, neither asked nor made to: the model, or the server")


def arguments(seen: Observations) -> Judgement:
    """The fragments of a call as they were sent, and what they make."""
    exchange = called(seen.record.exchanges)
    if exchange is None or exchange.answer is None:
        return not_applicable("there was no call")
    facts = seen.facts("call" if exchange is seen.get("call") else "demanded call")
    if broken := _broken(exchange.answer.calls):
        return wrong(f"they are no JSON object: {broken}", "calls fail, and the model has to repeat them")
    named = [fragment for fragment in facts.fragments if fragment.name]
    if not named:
        return carried("the call came without deltas", Tolerance.LATE)
    if tolerance := _tolerance(seen.protocol, facts):
        return carried(_ODD[tolerance], tolerance)
    return ok(f"{len(facts.fragments)} fragments")


_ODD = {
    Tolerance.ARGUMENTS_OBJECT: "they are an object in place of text",
    Tolerance.CALLS_BY_ID: "fragments have no index",
    Tolerance.ORDER: "a fragment came before its call began",
    Tolerance.CALL_AGAIN: "the whole call came twice",
    Tolerance.OWN_ID: "the call has no id",
}


def _tolerance(protocol: str, facts: Facts) -> Tolerance | None:
    fragments = facts.fragments
    if protocol == openai_chat.WIRE.protocol and any(isinstance(one.arguments, dict) for one in fragments):
        return Tolerance.ARGUMENTS_OBJECT
    if any(one.index is None for one in fragments):
        return Tolerance.CALLS_BY_ID
    if any(not first.name for first in _firsts(fragments)):
        return Tolerance.ORDER
    if protocol == openai_chat.WIRE.protocol and any(_again(one, fragments[:at]) for at, one in enumerate(fragments)):
        return Tolerance.CALL_AGAIN
    return Tolerance.OWN_ID if any(one.name and not one.id for one in fragments) else None


def _firsts(fragments: Sequence[Fragment]) -> list[Fragment]:
    return [*{one.index: one for one in reversed(fragments)}.values()]


def _again(one: Fragment, before: Sequence[Fragment]) -> bool:
    """Whether it says, with id and name, all that the fragments of its index said before."""
    said = "".join(str(known.arguments or "") for known in before if known.index == one.index)
    return bool(one.id and one.name and said) and said == one.arguments


def _broken(calls: Sequence[ToolCall]) -> str:
    return next((call.arguments for call in calls if arguments_object(call.arguments) is None), "")


def parallel(seen: Observations) -> Judgement:
    """Two calls in one answer, each with its own id and arguments."""
    exchange, facts = seen["parallel"], seen.facts("parallel")
    if exchange.error:
        return wrong(str(exchange.error), "turns in which the model calls two tools at once fail")
    calls = exchange.answer.calls if exchange.answer else ()
    if broken := _broken(calls):
        return wrong(f"the arguments are no JSON object: {broken}", "calls at once run into one another and fail")
    if len(calls) < 2:
        return unknown(f"{len(calls) or 'none'} of the two calls came: the model, or the server")
    named = [fragment for fragment in facts.fragments if fragment.name]
    if len({str(one.index) for one in named}) < len({one.id for one in named}) and named[0].index is not None:
        return carried("calls share one index", Tolerance.INDEX_SHARED)
    if len({one.id for one in named if one.id}) < len(named):
        return carried("calls share one id, or have none", Tolerance.OWN_ID)
    return ok(f"{len(calls)} calls in one answer")


def tool_result(seen: Observations) -> Judgement:
    """A result behind its call, taken and answered."""
    exchange = seen["result"]
    if exchange.error:
        return wrong(str(exchange.error), "every turn that uses a tool fails at its second step")
    answer = exchange.answer
    if answer and MARKER in answer.text.lower():
        return ok("taken, and the answer says what it says")
    if answer and (answer.text or answer.calls):
        return ok("taken, though the answer does not say what it says")
    if answer and answer.stop is StopReason.MAX_TOKENS:
        return unknown(f"taken; its {exchange.request.max_output_tokens} tokens went into thinking")
    return wrong("taken, but the answer is empty", "turns that use a tool end without a word")
