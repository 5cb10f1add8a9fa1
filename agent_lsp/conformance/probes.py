"""The table of probes: what each asks of an endpoint, and the trials that it judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from agent_lsp.conformance import Finding, Judgement, answers, calls, refusals, unknown
from agent_lsp.conformance.observations import Observations
from agent_lsp.conformance.trials import TrialRecord
from agent_lsp.models import RateLimited

PROMPTLY_SECONDS = 5.0
_MOST_EVIDENCE = 2_000  # characters: much of it is the endpoint's own words


@dataclass(frozen=True, slots=True)
class Probe:
    """A question, the trials without which it has no answer, and the judge of what they brought."""

    name: str
    asks: str
    trials: tuple[str, ...]
    judge: Callable[[Observations], Judgement]


PROBES = (
    Probe("reachable", "Does it answer, and take the key?", ("hello",), answers.reachable),
    Probe("streaming", "Does the answer come bit by bit?", ("hello",), answers.streaming),
    Probe("content type", "Is the stream said to be one?", ("hello",), answers.content_type),
    Probe("compression", "Is the stream left uncompressed?", ("hello",), answers.compression),
    Probe("text", "Do the words come as deltas?", ("hello",), answers.text),
    Probe("stop reason", "Is it true, and is there a last event?", ("hello",), answers.stop_reason),
    Probe("usage", "Are tokens counted, and do the counts agree?", ("hello",), answers.usage),
    Probe("tool call", "Does it call a tool?", ("call",), calls.tool_call),
    Probe("arguments", "Do the fragments of a call belong together?", ("call",), calls.arguments),
    Probe("parallel calls", "Can one answer have two calls?", ("parallel",), calls.parallel),
    Probe("tool result", "Is a result that is sent back taken?", ("result",), calls.tool_result),
    Probe("thinking", "Is thinking apart, and taken back?", ("hello",), answers.thinking),
    Probe("output limit", "Is the limit of an answer obeyed, and named?", ("limit",), answers.output_limit),
    Probe("cancel", "Is it free at once when we hang up?", ("hello", "cancel", "after"), answers.cancel),
    Probe("unknown model", "Is a wrong model's name told?", ("unknown model",), refusals.unknown_model),
    Probe("error format", "Can its errors be read?", ("malformed",), refusals.error_format),
    Probe("cache", "Is a prefix sent twice counted as cached?", ("prefix", "same prefix"), refusals.cache),
    Probe("front", "Is a long request read from its first word?", ("front",), refusals.front),
    Probe("overflow", "Is too long a request refused as that?", ("overflow",), refusals.overflow),
)


def judged(protocol: str, record: TrialRecord, *, promptly: float = PROMPTLY_SECONDS) -> list[Finding]:
    """The findings of all probes; `promptly` is the most seconds that an answer may begin later after a cancel."""
    seen = Observations(protocol, record, promptly)
    return [Finding(probe.name, probe.asks, _judgement(probe, seen)) for probe in PROBES]


def _judgement(probe: Probe, seen: Observations) -> Judgement:
    for trial in probe.trials:
        if reason := seen.record.skipped.get(trial):
            return unknown(f"skipped: {reason}")
        exchange = seen.get(trial)
        if exchange and isinstance(exchange.error, RateLimited):
            return unknown(f"it asks to wait: {exchange.error}")
    judgement = probe.judge(seen)
    return replace(judgement, evidence=judgement.evidence[:_MOST_EVIDENCE])
