"""Probes of what an endpoint cannot do, and of how it says so: errors, cache, and too long a request."""

from __future__ import annotations

from agent_lsp.conformance import Judgement, Tolerance, carried, not_applicable, ok, unknown, wrong
from agent_lsp.conformance.observations import Observations
from agent_lsp.conformance.recording import Exchange
from agent_lsp.conformance.trials import MARKER, NO_MODEL
from agent_lsp.models import ContextTooLong, Passing
from agent_lsp.models.wire.refusals import error_message

_CUT = 0.8
"""Of the words sent, at least so many are tokens: a common word is one."""
_CUT_NOTICE = "the beginning of long conversations is forgotten without a word"
_SAME = (0.6, 1.5)
"""One request sent twice has one size, whichever part of it the cache had."""


def unknown_model(seen: Observations) -> Judgement:
    """A model that is not there, refused in words."""
    exchange = seen["unknown model"]
    if exchange.answer:
        return not_applicable(f"it answers as '{NO_MODEL}' too: a mistyped name is not noticed")
    return _told(exchange, "a mistyped model is asked for again and again before you are told")


def error_format(seen: Observations) -> Judgement:
    """A request that is wrong, refused in words that can be read."""
    exchange = seen["malformed"]
    if exchange.answer:
        return unknown("it answers a request without messages")
    return _told(exchange, "what will never work is tried again and again before you are told")


def _told(exchange: Exchange, notice: str) -> Judgement:
    words = error_message(exchange.body)
    if exchange.status == 200:
        return carried(f"inside 200: {exchange.error}", Tolerance.ERROR_INSIDE)
    if isinstance(exchange.error, Passing):
        return wrong(str(exchange.error), notice)
    if not exchange.body.strip():
        return wrong(f"status {exchange.status} without a word", "errors are shown as a number")
    if not words:
        return carried(f"of unknown form: {exchange.error}", Tolerance.ERROR_WORDS)
    return ok(f"{exchange.status}: {words}")


def cache(seen: Observations) -> Judgement:
    """One prefix twice: counted as cached, and the sums alike."""
    first, second = seen["prefix"], seen["same prefix"]
    if first.error or second.error:
        return unknown(str(first.error or second.error))
    if not first.read_tokens or not second.read_tokens:
        return unknown("no tokens are counted")
    cached, scale = second.usage.cache_read_tokens, second.read_tokens / first.read_tokens
    if not cached:
        return unknown(f"no cached tokens reported for {second.read_tokens} sent twice")
    if seen.more_cached_than_read("same prefix"):
        return wrong(f"{cached} tokens cached, more than those in", "what turns cost is counted too low")
    if not _SAME[0] < scale < _SAME[1]:
        evidence = f"{first.read_tokens} tokens in at first, {second.read_tokens} when {cached} were cached"
        return wrong(evidence, f"what turns cost is counted too {'low' if scale < 1 else 'high'}")
    return ok(f"{cached} of {second.read_tokens} tokens came from the cache")


def front(seen: Observations) -> Judgement:
    """A request longer than the windows that servers cut at by default."""
    exchange = seen["front"]
    words = _words(exchange)
    if isinstance(exchange.error, ContextTooLong):
        remedy = "long conversations fail; set AGENT_LSP_CONTEXT_WINDOW to what the server has"
        return wrong(f"it refuses {words} words: {exchange.error}", remedy)
    if exchange.error:
        return wrong(str(exchange.error), "long requests fail")
    return _whole(exchange) or unknown("it counts no tokens, and does not say the first word")


def overflow(seen: Observations) -> Judgement:
    """A request longer than the window: refused as that, or cut in silence."""
    if seen.record.window is None:
        return unknown("skipped: its window is not known; set AGENT_LSP_CONTEXT_WINDOW")
    exchange = seen.get("overflow")
    if exchange is None:
        return unknown(f"skipped: a window of {seen.record.window:,} tokens is too large to fill")
    if isinstance(exchange.error, ContextTooLong):
        if exchange.status == 200 and "no room" in str(exchange.error):
            return carried("an empty answer, cut by its limit", Tolerance.OVERFLOW_BY_EMPTINESS)
        return ok(f"refused: {exchange.error}")
    if exchange.error:
        return wrong(f"not told as that: {exchange.error}", "long conversations end in an error of another name")
    judgement = _whole(exchange) or wrong("it answers, and does not say the first word", _CUT_NOTICE)
    return judgement if judgement.notice else ok(f"{judgement.evidence}: its window is above {seen.record.window}")


def _whole(exchange: Exchange) -> Judgement | None:
    """Whether the request was read from its first word; None where that cannot be seen."""
    words, counted = _words(exchange), exchange.read_tokens
    if 0 < counted < words * _CUT:
        return wrong(f"{words} words sent, {counted} tokens read", _CUT_NOTICE)
    if exchange.answer and MARKER in exchange.answer.text.lower():
        return ok(f"{words} words sent, and the first of them said")
    return ok(f"{words} words sent, {counted} tokens read") if counted else None


def _words(exchange: Exchange) -> int:
    return sum(str(message).count("word ") for message in exchange.request.messages)
