"""Probes of a plain answer: how it streams, how it ends, what it counts, and its limits."""

from __future__ import annotations

from agent_lsp.conformance import Judgement, Tolerance, carried, not_applicable, ok, unknown, wrong
from agent_lsp.conformance.facts import Facts
from agent_lsp.conformance.observations import Observations
from agent_lsp.conformance.recording import Exchange
from agent_lsp.conformance.trials import called
from agent_lsp.conversation.messages import StopReason
from agent_lsp.models import ContextTooLong, TextChunk

_SPREAD_SECONDS = 0.03
"""A fast endpoint takes longer than this for the fifty words that are asked for."""
_ONE_PIECE = 100
"""Characters that come in one event only where nothing is streamed."""
_SLACK_TOKENS = 4
"""Some count the end of the answer as tokens too."""
_ALL_BUT = 0.9


def reachable(seen: Observations) -> Judgement:
    """It was: else there would be nothing to judge."""
    return ok(f"status {seen['hello'].status} after {seen['hello'].first_seconds:.2f} s")


def streaming(seen: Observations) -> Judgement:
    """Events spread over time, not all at once."""
    hello = seen["hello"]
    notice = "nothing is seen until the whole answer is there"
    if not hello.streamed:
        return wrong("one JSON body in place of events", notice)
    times = [seconds for seconds, _ in hello.pieces]
    spread = times[-1] - times[0] if times else 0.0
    deltas = len([chunk for _, chunk in hello.shown])
    length = sum(len(chunk.text) for _, chunk in hello.shown)
    if spread < _SPREAD_SECONDS and length >= _ONE_PIECE:
        return wrong(
            f"{length} characters, all within {spread * 1000:.0f} ms after {hello.first_seconds:.2f} s", notice
        )
    if deltas < 2 and length >= _ONE_PIECE:
        return wrong(f"{length} characters in one event", notice)
    return ok(f"{deltas} deltas over {spread:.2f} s") if length else unknown("it said nothing that could be streamed")


def content_type(seen: Observations) -> Judgement:
    """What the answer says it is."""
    hello = seen["hello"]
    given = hello.headers.get("content-type", "")
    fitting = "text/event-stream" if hello.streamed else "application/json"
    if given.partition(";")[0].strip().lower() == fitting:
        return ok(given)
    return carried(f"Content-Type is {given or 'missing'}", Tolerance.CONTENT_TYPE)


def compression(seen: Observations) -> Judgement:
    """Whether what was asked to be plain is."""
    coding = seen["hello"].headers.get("content-encoding", "identity")
    if coding.lower() in {"identity", ""}:
        return ok("none, as asked for")
    return carried(f"{coding}, though not asked for", Tolerance.COMPRESSION)


def text(seen: Observations) -> Judgement:
    """Words, as deltas."""
    hello, facts = seen["hello"], seen.facts("hello")
    words = "".join(chunk.text for _, chunk in hello.shown if isinstance(chunk, TextChunk))
    if words and facts.deltas:
        return ok(f"{facts.deltas} deltas, {len(words)} characters")
    if words:
        return carried("the words came without deltas", Tolerance.LATE)
    if hello.answer and hello.answer.stop is StopReason.MAX_TOKENS:
        return unknown(f"its {hello.request.max_output_tokens} tokens went into thinking")
    return wrong("no words", "answers are empty")


def stop_reason(seen: Observations) -> Judgement:
    """The ends of plain answers and of those with a call: told, and true."""
    for name in ("hello", "call", "demanded call"):
        exchange = seen.get(name)
        if exchange and exchange.status == 200 and (judgement := _stop(exchange, seen.facts(name))):
            return judgement
    return ok(f"'{seen.facts('hello').stop}', and a last event")


def _stop(exchange: Exchange, facts: Facts) -> Judgement | None:
    """What is wrong with one answer's end."""
    if exchange.error:
        return wrong(str(exchange.error), "the answer is lost, and the turn ends")
    calls = exchange.answer.calls if exchange.answer else ()
    if not facts.stop:
        return carried("no stop reason", Tolerance.ONE_END)
    if not facts.ended:
        return carried(f"stop reason '{facts.stop}', but no last event", Tolerance.ONE_END)
    if facts.hollow:
        return carried("the last event tells of nothing that was streamed", Tolerance.HOLLOW_END)
    if calls and facts.for_tools is False:
        return carried(f"stop reason '{facts.stop}' with a call pending", Tolerance.CALLS_ANYWAY)
    if facts.for_tools and not calls:
        return carried(f"stop reason '{facts.stop}' without a call", Tolerance.NO_CALLS_ANYWAY)
    most, counted = exchange.request.max_output_tokens, exchange.usage.output_tokens
    if facts.for_length and 0 < counted < most * _ALL_BUT:
        return wrong(f"'{facts.stop}' after {counted} of {most} tokens", "whole answers are shown as cut")
    return None


def usage(seen: Observations) -> Judgement:
    """Counts that are there and agree with one another."""
    hello, facts = seen["hello"], seen.facts("hello")
    notice = "what turns cost, and their limits, are counted too low"
    if hello.answer is None:
        return unknown("the answer was not whole")
    if not facts.usage:
        return wrong("none", notice)
    read, written = hello.read_tokens, hello.usage.output_tokens
    if not read or not written:
        return wrong(f"{read} tokens in, {written} out", notice)
    if seen.more_cached_than_read("hello"):
        return wrong(f"more tokens cached than the {facts.input_tokens} in", notice)
    if (total := facts.total_tokens or 0) > read + written:
        return wrong(f"{read} in and {written} out, but {total} together", notice)
    if facts.usage_in_choice:
        return carried("it stands inside the choice", Tolerance.USAGE_IN_CHOICE)
    return ok(f"{read} tokens in, {written} out")


def thinking(seen: Observations) -> Judgement:
    """Thoughts apart from the words, with what is needed to send them back."""
    exchanges = [one for name in ("hello", "call", "demanded call") if (one := seen.get(name))]
    if any(one.answer and one.answer.text.lstrip().startswith(("<think", "<thought")) for one in exchanges):
        return wrong("thoughts stand in the text of the answer", "thoughts are shown, and sent back, as answers")
    thoughts = [part for one in exchanges for part in one.thoughts]
    if not thoughts:
        hidden = sum(one.usage.reasoning_tokens for one in exchanges)
        return ok(f"{hidden} tokens of it, hidden") if hidden else not_applicable("it does not think aloud")
    exchange, result = called(seen.record.exchanges), seen.get("result")
    if exchange and exchange.thoughts and result and result.error:
        return wrong(f"sent back, refused: {result.error}", "every turn that uses a tool fails at its second step")
    if tolerance := seen.thought_tolerance(thoughts):
        return carried("it came without what is needed to send it back", tolerance)
    return ok(f"{len(thoughts)} thoughts kept" + (", sent back and taken" if exchange and exchange.thoughts else ""))


def output_limit(seen: Observations) -> Judgement:
    """An answer no longer than its limit, and said to be cut."""
    exchange, facts = seen["limit"], seen.facts("limit")
    most, counted = exchange.request.max_output_tokens, exchange.usage.output_tokens
    if isinstance(exchange.error, ContextTooLong):
        return wrong("a cut answer comes empty and uncounted", "short limits are shown as too long a request")
    if exchange.error:
        return wrong(str(exchange.error), "requests with a short limit fail")
    if counted > most + _SLACK_TOKENS:
        return wrong(f"{counted} tokens, where {most} were the most", "answers cost more than was set aside for them")
    if facts.for_length:
        return ok(f"'{facts.stop}' after {counted} tokens")
    if exchange.answer and exchange.answer.stop is StopReason.MAX_TOKENS:
        return carried(f"'{facts.stop}' after {counted} of {most} tokens", Tolerance.LIMIT_BY_COUNT)
    return unknown(f"it stopped by itself after {counted} of {most} tokens")


def cancel(seen: Observations) -> Judgement:
    """How long the next answer takes to begin after a connection was closed."""
    left, after = seen["cancel"], seen["after"]
    if left.end:
        return unknown(str(left.error or "the answer was whole before it could be cancelled"))
    notice = "after a cancelled turn the next one has to wait"
    if after.error:
        return wrong(f"the next request failed: {after.error}", notice)
    usual = seen["hello"].first_seconds
    evidence = f"the next answer began after {after.first_seconds:.2f} s, the first after {usual:.2f}"
    return wrong(evidence, notice) if after.first_seconds > max(seen.promptly, 3 * usual) else ok(evidence)
