"""What an endpoint does right, what it does wrong, and which of our tolerances carries it.

*Trials* send the requests and spend; *probes* judge what was recorded of them, and spend nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProbeVerdict(StrEnum):
    """What a probe found: `carried` is wrong, but a named tolerance makes it right; `wrong` will hurt."""

    OK = "ok"
    CARRIED = "carried"
    WRONG = "wrong"
    NOT_APPLICABLE = "n/a"
    UNKNOWN = "unknown"


class Tolerance(StrEnum):
    """What the readers of the wire protocols put up with, in the words that users see."""

    CONTENT_TYPE = "an answer is known by its first bytes, not by its Content-Type"
    COMPRESSION = "compressed answers are unpacked as they arrive"
    LATE = "what only the last event tells of counts then"
    ONE_END = "the stop reason or the last event: one of them is enough"
    CALLS_ANYWAY = "calls count, whatever the stop reason says"
    NO_CALLS_ANYWAY = "a stop for tools without a call is an end"
    HOLLOW_END = "what was streamed counts, where the last event tells of nothing"
    LIMIT_BY_COUNT = "an answer as long as its limit was cut, whatever the stop reason says"
    OVERFLOW_BY_EMPTINESS = "no words and the limit met: the request filled the window"
    USAGE_IN_CHOICE = "usage is read inside the choice too"
    CALLS_BY_ID = "fragments without an index go by id or name"
    INDEX_SHARED = "a new id and name begin a new call, whatever the index"
    OWN_ID = "a call without an id, or with one for the second time, gets one"
    ARGUMENTS_OBJECT = "arguments that are an object become text"
    CALL_AGAIN = "a whole call said a second time is left out"
    ORDER = "deltas that come before their beginning are kept for it"
    THOUGHT_AS_IT_CAME = "thoughts without a signature go back as they came"
    THOUGHT_LEFT_OUT = "reasoning that cannot be sent back is left out"
    ERROR_INSIDE = "an error inside an answer with status 200 is an error"
    ERROR_WORDS = "the first words stand for an error of unknown form"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with a line of evidence.

    `tolerance` says what carries it, where something does; `notice` what the user will see of what is wrong.
    """

    verdict: ProbeVerdict
    evidence: str
    tolerance: Tolerance | None = None
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found."""

    probe: str
    asks: str
    judgement: Judgement


def ok(evidence: str) -> Judgement:
    """As it should be."""
    return Judgement(ProbeVerdict.OK, evidence)


def carried(evidence: str, tolerance: Tolerance) -> Judgement:
    """Wrong, and made right."""
    return Judgement(ProbeVerdict.CARRIED, evidence, tolerance)


def wrong(evidence: str, notice: str) -> Judgement:
    """Wrong, and `notice` is what the user will see of it."""
    return Judgement(ProbeVerdict.WRONG, evidence, notice=notice)


def not_applicable(evidence: str) -> Judgement:
    """The endpoint has nothing that could be judged."""
    return Judgement(ProbeVerdict.NOT_APPLICABLE, evidence)


def unknown(evidence: str) -> Judgement:
    """What came does not tell."""
    return Judgement(ProbeVerdict.UNKNOWN, evidence)
