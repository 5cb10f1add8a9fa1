"""What a provider does to an answer, and what must become of the request: each from the table of `test_faults`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.models.provider import Disconnect, Hang, Reply
from tests.models.wires import Kit, Said, uncounted

PAUSE, SILENCE = 0.2, 1.5
"""Seconds: a silence that must be borne, and the patience at whose end a longer one is given up."""
Play = Callable[[Kit, Said], Reply]


class Outcome(StrEnum):
    """What becomes of a request. Each has its own price, and only the first two are an answer."""

    TOLD = "answered"
    """With what it used."""
    UNTOLD = "answered without usage"
    """Charged whole, like what broke."""
    REFUSED = "refused"
    """Costs nothing and is asked again."""
    BROKEN = "broken off"
    """Asked again, unless something was shown."""
    UNREADABLE = "unreadable"
    """Not asked again."""

    @property
    def answered(self) -> bool:
        return self in {Outcome.TOLD, Outcome.UNTOLD}

    @property
    def charged_whole(self) -> bool:
        return self not in {Outcome.TOLD, Outcome.REFUSED}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to an answer, and what must become of it."""

    name: str
    play: Play
    outcome: Outcome


def whole(kit: Kit, said: Said) -> Reply:
    """The answer as it should be."""
    return Reply(tuple(kit.streamed(said)))


def _status(code: int, words: str = "no", **headers: str) -> Play:
    body = json.dumps({"error": {"message": words}}).encode()
    return lambda *_: Reply((body,), code, {name.replace("_", "-"): value for name, value in headers.items()})


def _bytes(*pieces: bytes, status: int = 200) -> Play:
    return lambda *_: Reply(pieces, status)


def _error(message: str, code: str) -> Play:
    """An error in place of an answer, under a status that says that all is well."""
    return lambda kit, _: Reply((kit.error(message, code),))


def _half(*after: type[Hang] | type[Disconnect] | float) -> Play:
    """The first half of the answer, and what then happens."""

    def play(kit: Kit, said: Said) -> Reply:
        events = kit.streamed(said)
        return Reply((*events[: len(events) // 2], *after))

    return play


def _paused(kit: Kit, said: Said) -> Reply:
    events = kit.streamed(said)
    return Reply((PAUSE, *events[: len(events) // 2], PAUSE, *events[len(events) // 2 :]))


def _error_at_the_end(kit: Kit, said: Said) -> Reply:
    return Reply((*kit.streamed(said)[: -kit.last], kit.error("try later", "server_error")))


def _without_end(kit: Kit, said: Said) -> Reply:
    return Reply(tuple(kit.streamed(said)[: -kit.last]))


def _without_usage(kit: Kit, said: Said) -> Reply:
    return Reply(tuple(uncounted(event) for event in kit.streamed(said)))


def _in_crumbs(kit: Kit, said: Said) -> Reply:
    body = b"".join(kit.streamed(said)).replace(b"\n", b"\r\n")
    return Reply(tuple(body[place : place + 7] for place in range(0, len(body), 7)))


FAULTS: Sequence[Fault] = (
    Fault("429 with retry-after", _status(429, retry_after="1"), Outcome.REFUSED),
    Fault("429 with retry-after-ms", _status(429, retry_after_ms="30"), Outcome.REFUSED),
    Fault("a rate limit inside 200", _error("slow down", "rate_limit_exceeded"), Outcome.REFUSED),
    Fault("500", _status(500), Outcome.BROKEN),
    Fault("503 with HTML", _bytes(b"<html>Bad Gateway</html>", status=503), Outcome.REFUSED),
    Fault("529", _status(529, "Overloaded"), Outcome.REFUSED),
    Fault("an error inside 200", _error("try later", "server_error"), Outcome.BROKEN),
    Fault("an overload inside 200", _error("Overloaded", "overloaded_error"), Outcome.BROKEN),
    Fault("a disconnect before the headers", lambda *_: Reply((Disconnect,), head=False), Outcome.BROKEN),
    Fault("a disconnect after the headers", lambda *_: Reply((Disconnect,)), Outcome.BROKEN),
    Fault("an empty body", lambda *_: Reply(()), Outcome.BROKEN),
    Fault("plain words", _bytes(b"upstream error"), Outcome.BROKEN),
    Fault("silence from the beginning", lambda *_: Reply((Hang,)), Outcome.BROKEN),
    Fault("a disconnect in mid-answer", _half(Disconnect), Outcome.BROKEN),
    Fault("an end in mid-answer", _half(), Outcome.BROKEN),
    Fault("silence in mid-answer", _half(Hang), Outcome.BROKEN),
    Fault("an error after the answer", _error_at_the_end, Outcome.BROKEN),
    Fault("no last event", _without_end, Outcome.BROKEN),
    Fault("HTML with 200", _bytes(b"<html>Welcome</html>"), Outcome.UNREADABLE),
    Fault("an event that is no JSON", _bytes(b"data: {nonsense\n\n"), Outcome.UNREADABLE),
    Fault("no usage", _without_usage, Outcome.UNTOLD),
    Fault("pauses", _paused, Outcome.TOLD),
    Fault("crumbs of seven bytes", _in_crumbs, Outcome.TOLD),
)
