"""The ledger of a user's money: what each day has cost, what is reserved for requests under way, what turns used.

Tables beside the journal's, changed in its transactions. A reservation belongs to a daemon; when that is dead
its request may have cost all of it, so all of it is charged.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from agent_lsp.conversation.estimate import Estimate, PastTurn
from agent_lsp.conversation.messages import Usage

SCHEMA = """
CREATE TABLE reservation (id TEXT PRIMARY KEY, owner TEXT NOT NULL, day TEXT NOT NULL, usd REAL NOT NULL);
CREATE TABLE turn (
  id TEXT PRIMARY KEY, session TEXT NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL, steps INTEGER NOT NULL,
  tool_calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, usd REAL,
  low REAL, likely REAL, high REAL);
CREATE INDEX turn_by_model ON turn (model, day);
"""
_TURN = "id, session, model, steps, tool_calls, input_tokens, output_tokens, usd, low, likely, high"


@dataclass(frozen=True, slots=True)
class Spending:
    """A row of `agent-lsp usage`: the sums of the turns of one day, model and session. USD, tokens."""

    day: str
    model: str
    session: str
    title: str
    turns: int
    input_tokens: int
    output_tokens: int
    usd: float
    unknown: int


@dataclass(frozen=True, slots=True)
class Score:
    """How good estimates were: of so many turns, how many cost between low and high, and by what factor likely was off.

    `off` is the median of cost ÷ likely: 2 means that turns cost twice what was thought likely.
    """

    turns: int
    held: int
    off: float


def score(turns: Iterable[PastTurn]) -> Score | None:
    """The score of the turns that had an estimate and a cost; None where there are none."""
    scored = [
        (turn.estimate.held(turn.usd), (turn.usd or 0.0) / turn.estimate.likely)
        for turn in turns
        if turn.estimate and turn.estimate.likely and turn.estimate.held(turn.usd) is not None
    ]
    if not scored:
        return None
    return Score(len(scored), sum(bool(held) for held, _ in scored), median(off for _, off in scored))


class Owner:
    """This daemon as the holder of reservations: a locked file, which the kernel lets go when we die."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name, self._folder = name, folder
        folder.mkdir(mode=0o700, exist_ok=True)
        self._lock = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def lives(self, name: str) -> bool:
        """Whether the daemon of that name holds its file."""
        if name == self.name:
            return True
        try:
            lock = os.open(self._folder / name, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def close(self) -> None:
        """Lets go; the reservations left are charged by the next daemon that looks."""
        (self._folder / self.name).unlink(missing_ok=True)
        os.close(self._lock)


def day_of(at: float) -> str:
    """The day, UTC, of a time in seconds since the epoch."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def spent(db: sqlite3.Connection, day: str) -> float:
    """USD charged on a day."""
    row = db.execute("SELECT usd FROM spending WHERE day = ?", (day,)).fetchone()
    return float(row[0]) if row else 0.0


def reserve(db: sqlite3.Connection, owner: Owner, reservation: str, day: str, usd: float, cap: float) -> float | None:
    """Sets `usd` aside if the day's sum, with all that is set aside, stays within `cap`; else tells that sum."""
    _charge_the_dead(db, owner)
    held = db.execute("SELECT coalesce(sum(usd), 0) FROM reservation WHERE day = ?", (day,)).fetchone()[0]
    total = spent(db, day) + float(held)
    if total + usd > cap:
        return total
    db.execute("INSERT INTO reservation VALUES (?, ?, ?, ?)", (reservation, owner.name, day, usd))
    return None


def settle(db: sqlite3.Connection, reservation: str, day: str, usd: float) -> None:
    """Charges what a request has cost and gives up what was set aside for it (`reservation` may be empty)."""
    if reservation:
        row = db.execute("DELETE FROM reservation WHERE id = ? RETURNING day", (reservation,)).fetchone()
        day = row[0] if row else day
    if usd:
        _charge(db, day, usd)


def write_turn(db: sqlite3.Connection, day: str, turn: PastTurn) -> None:
    """Keeps what a turn used, with what was estimated for it."""
    used, guess = turn.usage, turn.estimate or Estimate(0, None, None, None, "")
    read = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
    counts = (used.steps, used.tool_calls, read, used.output_tokens, turn.usd)
    db.execute(
        "INSERT OR REPLACE INTO turn VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (turn.id, turn.session, day, turn.model, *counts, guess.low, guess.likely, guess.high),
    )


def past_turns(db: sqlite3.Connection, model: str, most: int) -> tuple[PastTurn, ...]:
    """The newest turns of a model that used anything, newest first."""
    rows = db.execute(
        f"SELECT {_TURN} FROM turn WHERE model = ? AND steps > 0 ORDER BY rowid DESC LIMIT ?",  # noqa: S608 - a constant
        (model, most),
    )
    return tuple(map(_turn, rows))


def turns_since(db: sqlite3.Connection, since: str) -> tuple[PastTurn, ...]:
    """All turns from a day on that used anything, oldest first."""
    rows = db.execute(f"SELECT {_TURN} FROM turn WHERE day >= ? AND steps > 0 ORDER BY rowid", (since,))  # noqa: S608 - likewise
    return tuple(map(_turn, rows))


def _turn(row: tuple[Any, ...]) -> PastTurn:  # Any: a row of SQLite's
    name, session, model, steps, calls, read, written, usd, low, likely, high = row
    used = Usage(read, 0, 0, written, 0, calls, steps)
    return PastTurn(name, session, model, used, usd, Estimate(0, low, likely, high, "kept with the turn"))


def spending(db: sqlite3.Connection, since: str) -> tuple[Spending, ...]:
    """The sums of all turns from a day on, by day, model and session, newest first."""
    rows = db.execute(
        "SELECT t.day, t.model, t.session, coalesce(s.title, ''), count(*), sum(t.input_tokens),"
        " sum(t.output_tokens), coalesce(sum(t.usd), 0), sum(t.usd IS NULL)"
        " FROM turn t LEFT JOIN session s ON s.id = t.session WHERE t.day >= ?"
        " GROUP BY t.day, t.model, t.session ORDER BY t.day DESC, max(t.rowid) DESC",
        (since,),
    ).fetchall()
    return tuple(Spending(*row) for row in rows)


def _charge_the_dead(db: sqlite3.Connection, owner: Owner) -> None:
    for (name,) in db.execute("SELECT DISTINCT owner FROM reservation").fetchall():
        if owner.lives(name):
            continue
        for day, usd in db.execute("DELETE FROM reservation WHERE owner = ? RETURNING day, usd", (name,)).fetchall():
            _charge(db, day, usd)


def _charge(db: sqlite3.Connection, day: str, usd: float) -> None:
    db.execute(
        "INSERT INTO spending VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET usd = usd + excluded.usd", (day, usd)
    )
