"""Turns of which every third request goes wrong: nothing may be lost, doubled, illegal or miscounted."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

from agent_lsp.models.wire.http import Patience
from agent_lsp.session import TurnRequest
from tests.models.provider import Provider
from tests.models.wires import Call, Said, Thought, Words

from .audit import Told, audited
from .faults import SILENCE
from .home import MODELS, home, open_journal
from .provider import FaultyProvider
from .run import Broken, Figures

_PATIENCE = Patience(first=SILENCE, between=SILENCE)


class FaultyTurns:
    """A step is one session. Its turns take the three protocols in turn, so each reads what the others wrote."""

    name = "faulty-turns"
    what = "turns with a fault in every third request"
    total = 1_000
    a_step = 20

    def step(self, number: int, seed: int, folder: Path) -> Figures:
        return asyncio.run(_session(random.Random(f"{seed} {number}"), self.a_step, folder))


async def _session(dice: random.Random, turns: int, folder: Path) -> Figures:
    faulty, told = FaultyProvider(dice), []
    async with Provider(faulty.answer).serving() as provider, home(folder, provider.url, _PATIENCE, dice) as place:
        session = await place.sessions.new("a session with faults")
        for number in range(turns):
            faulty.plan(_answers(f"t{number}", dice))
            before = len(faulty.served)
            order = TurnRequest(f"Do number {number}.", place.yes, model=MODELS[number % len(MODELS)])
            finished = await asyncio.shield(session.ask(order).finished)  # an interruption is no end of the turn
            told.append(Told(order.prompt, finished, tuple(faulty.served[before:])))
    if faulty.illegal:
        raise Broken(f"{len(faulty.illegal)} requests were not legal: {faulty.illegal[0]}")
    journal = open_journal(folder)
    try:
        return await audited(place, told, journal, session.id)
    finally:
        await journal.close()


def _answers(mark: str, dice: random.Random) -> Sequence[Said]:
    """What the model says in a turn: some steps with calls, then an end. Each piece of text is there only once."""
    steps = [_step(f"{mark}s{number}", dice) for number in range(dice.randint(1, 3))]
    return [*steps, Said((_words(f"{mark}end", dice),))]


def _step(mark: str, dice: random.Random) -> Said:
    thought = [Thought([f"{mark}thought "])] if dice.random() < 0.2 else []
    words = [_words(mark, dice)] if dice.random() < 0.5 else []
    calls = [_call(mark, number, dice) for number in range(dice.randint(1, 2))]
    return Said((*thought, *words, *calls), "tools")


def _words(mark: str, dice: random.Random) -> Words:
    return Words([f"{mark}w{number} " for number in range(dice.randint(2, 8))])


def _call(mark: str, number: int, dice: random.Random) -> Call:
    """A call that leaves a trace of its own: a line, or a file. Its id is nothing of the kind."""
    trace = f"{mark}c{number}"
    if dice.random() < 0.5:
        tool, arguments = "run_command", {"command": f"echo {trace} >> lines"}
    else:
        tool, arguments = "write_file", {"path": f"notes/{trace}", "content": trace}
    text = json.dumps(arguments)
    cut = dice.randrange(1, len(text))
    return Call(f"call_{number}", tool, (text[:cut], text[cut:]))
