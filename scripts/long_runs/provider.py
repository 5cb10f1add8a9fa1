"""A provider that answers by plan, does harm to every third answer, and keeps books of what it did."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from agent_lsp.conversation.messages import Usage
from tests.models.provider import Asked, Reply
from tests.models.rules import check
from tests.models.wires import KITS, Call, Said, Thought, Words

from .faults import FAULTS, Fault, Outcome, whole

Part = TypeVar("Part", Words, Thought, Call)
_EVERY = 3
_WHOLE = Fault("none", whole, Outcome.TOLD)


@dataclass(frozen=True, slots=True)
class Served:
    """One request: what was done to its answer, what that really used, and which of its words were sent."""

    fault: str
    outcome: Outcome
    used: Usage
    said: Said
    words: tuple[str, ...]
    thought: bool

    @property
    def fails(self) -> bool:
        """Whether the turn must end with it: nothing may be asked again of which something was shown."""
        shown = self.thought or bool(self.words)
        return self.outcome is Outcome.UNREADABLE or (self.outcome is Outcome.BROKEN and shown)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that the client must perform."""
        return _of(self.said, Call) if self.outcome.answered else ()


class FaultyProvider:
    """Plays the answers of each turn in order; one that did not arrive is played again.

    `served` are its books, `illegal` the rules that requests broke.
    """

    def __init__(self, dice: random.Random) -> None:
        self.served: list[Served] = []
        self.illegal: list[str] = []
        self._dice, self._plan = dice, list[Said]()
        self._faults = dice.sample(FAULTS, len(FAULTS))

    def plan(self, answers: Sequence[Said]) -> None:
        """What it says in the next turn."""
        self._plan = list(answers)

    def answer(self, asked: Asked) -> Reply:
        """The answer to a request."""
        kit = next(kit for kit in KITS.values() if asked.line.split()[1].endswith(kit.wire.path))
        try:
            check(kit.wire.protocol, asked.body)
        except AssertionError as error:
            self.illegal.append(f"request {len(self.served) + 1}, {kit.wire.protocol}: {error}")
        number = len(self.served) + 1
        fault = self._faults[number // _EVERY % len(FAULTS)] if number % _EVERY == 0 else _WHOLE
        said = _counted(self._plan[0], len(json.dumps(asked.body)), self._dice)
        reply = fault.play(kit, said)
        self.served.append(_served(fault, said, reply))
        if fault.outcome.answered:
            self._plan.pop(0)
        return reply


def _of(said: Said, kind: type[Part]) -> tuple[Part, ...]:
    return tuple(part for part in said.parts if isinstance(part, kind))


def _counted(said: Said, request_bytes: int, dice: random.Random) -> Said:
    """The answer with counts: four bytes a token, some of them from the cache, one token for each piece."""
    prompt = request_bytes // 4
    read = dice.randrange(prompt)
    written = dice.randrange(prompt - read)
    thoughts = sum(len(part.pieces) for part in _of(said, Thought))
    output = sum(len(part.pieces) for part in said.parts)
    return replace(said, fresh=prompt - read - written, read=read, written=written, output=output, reasoning=thoughts)


def _served(fault: Fault, said: Said, reply: Reply) -> Served:
    sent = b"".join(piece for piece in reply.pieces if isinstance(piece, bytes)).replace(b"\r\n", b"\n").decode()
    words = [piece for part in _of(said, Words) for piece in part.pieces if json.dumps(piece) in sent]
    thought = any(json.dumps(piece) in sent for part in _of(said, Thought) for piece in part.pieces)
    return Served(fault.name, fault.outcome, _used(fault, said, words), said, tuple(words), thought)


def _used(fault: Fault, said: Said, words: Sequence[str]) -> Usage:
    """What the provider itself counts: nothing for what it refused, the words sent of what broke off."""
    match fault.outcome:
        case Outcome.TOLD | Outcome.UNTOLD:
            return Usage(said.fresh, said.read, said.written, said.output, said.reasoning)
        case Outcome.REFUSED:
            return Usage()
        case Outcome.BROKEN | Outcome.UNREADABLE:
            return Usage(said.fresh, said.read, said.written, len(words))
