"""The durable, append-only store of entries: SQLite in WAL mode, one file for all conversations of a user."""

from __future__ import annotations

import asyncio
import fcntl
import functools
import os
import re
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from agent_lsp.conversation.entries import Content, Entry, FileChanged
from agent_lsp.conversation.estimate import PastTurn
from agent_lsp.conversation.redact import cleaned
from agent_lsp.conversation.tree import Conversation
from agent_lsp.journal import codec, ledger, taint_store
from agent_lsp.journal.ledger import Owner, Spending
from agent_lsp.journal.taint_store import Unlooked

_VERSION = 4
_BUSY_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE session (
  id TEXT PRIMARY KEY, workspace TEXT NOT NULL, title TEXT NOT NULL, updated_at REAL NOT NULL,
  cost REAL NOT NULL DEFAULT 0, head INTEGER REFERENCES entry(seq));
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER REFERENCES entry(seq), at REAL NOT NULL,
  content TEXT NOT NULL);
CREATE TABLE spending (day TEXT PRIMARY KEY, usd REAL NOT NULL);
CREATE INDEX session_by_time ON session (workspace, updated_at DESC);
"""
_PATH_TO_HEAD = """
WITH RECURSIVE path(seq, parent, at, content) AS (
  SELECT e.seq, e.parent, e.at, e.content FROM entry e JOIN session s ON e.seq = s.head WHERE s.id = ?
  UNION ALL
  SELECT e.seq, e.parent, e.at, e.content FROM entry e JOIN path p ON e.seq = p.parent)
SELECT seq, parent, at, content FROM path ORDER BY seq
"""

_SCHEMAS = (_SCHEMA, ledger.SCHEMA, taint_store.SCHEMA, taint_store.SCHEMA_OF_LOOKED)
"""What each version of the file added to the one before."""

Result = TypeVar("Result")
Since = Callable[[str], Awaitable[Sequence[FileChanged]]]


class JournalError(Exception):
    """The journal cannot be used as asked; the message names the file or session and the remedy."""


@dataclass(frozen=True, slots=True)
class Paid:
    """USD that a request has cost, and the reservation that was made for it."""

    usd: float = 0.0
    reservation: str = ""


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A stored session: `updated_at` in seconds since the epoch, `cost` in USD, `head` the newest entry."""

    id: str
    title: str
    updated_at: float
    cost: float
    head: int | None


class Journal:
    """All sessions of one user. Every call runs on the journal's own thread; `append` returns once on disk.

    Commits are synchronous (`synchronous=FULL`): what was appended survives a kill and a power loss.
    """

    def __init__(
        self, file: Path, *, clock: Callable[[], float] = time.time, clean: Callable[[str], str] = lambda text: text
    ) -> None:
        """Opens or creates `file`; `clean` takes out of all words what must not be written.

        Raises JournalError when it cannot be read or is newer than this program.
        """
        self._file, self._clock, self._clean = file, clock, clean
        self._owner: Owner | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        try:
            self._db = self._thread.submit(_open, file).result()
        except JournalError:
            self._thread.shutdown()
            raise

    async def create(self, session_id: str, *, workspace: str, title: str) -> None:
        """A new session with nothing in it."""
        await self._run(lambda: self._create(session_id, workspace, self._clean(title)))

    async def branch(self, session_id: str, branch_id: str, seq: int) -> Conversation | None:
        """A new session over the entries of another up to `seq`; its path. None when the other has no such entry."""
        return await self._run(lambda: self._branch(session_id, branch_id, seq))

    async def append(
        self,
        session_id: str,
        parent: int | None,
        contents: tuple[Content, ...],
        *,
        paid: Paid = Paid(),
        turn: PastTurn | None = None,
    ) -> tuple[Entry, ...]:
        """Writes entries after `parent`, the session's head, and what was paid, in one transaction; what was written.

        `turn` is kept for estimates and sums. Raises JournalError when somebody else has moved the head meanwhile.
        """
        return await self._run(lambda: self._append(session_id, parent, contents, paid, turn))

    async def load(self, session_id: str) -> Conversation | None:
        """The path to the session's head; None when there is no such session."""
        return await self._run(lambda: self._load(session_id))

    async def head(self, session_id: str) -> int | None:
        """The newest entry of a session; None while it has none."""
        return await self._run(lambda: self._head(session_id))

    async def spent_today(self) -> float:
        """USD that all sessions of this user have cost since midnight UTC."""
        return await self._run(lambda: ledger.spent(self._db, ledger.day_of(self._clock())))

    async def reserve(self, reservation: str, usd: float, cap: float) -> float | None:
        """Sets USD aside within the day's cap, across all daemons; else tells the sum that stands in the way."""
        return await self._run(lambda: self._reserve(reservation, usd, cap))

    async def past_turns(self, model: str, *, most: int = 50) -> tuple[PastTurn, ...]:
        """The newest turns of a model, newest first."""
        return await self._run(lambda: ledger.past_turns(self._db, model, most))

    async def spending(self, since: str) -> tuple[Spending, ...]:
        """Sums by day, model and session, from a day (`2026-01-31`) on."""
        return await self._run(lambda: ledger.spending(self._db, since))

    async def turns_since(self, since: str) -> tuple[PastTurn, ...]:
        """All turns from a day (`2026-01-31`) on that used anything, oldest first."""
        return await self._run(lambda: ledger.turns_since(self._db, since))

    async def any_tainted(self) -> bool:
        """Whether any file was written after untrusted text was read."""
        return await self._run(lambda: taint_store.any_at_all(self._db))

    async def uris(self) -> tuple[str, ...]:
        """Where such files were written, the latest last."""
        return await self._run(lambda: taint_store.uris(self._db))

    async def look(self, files: Sequence[tuple[str, str]]) -> None:
        """The user has looked through such files: each by its URI and its content's digest, empty if it is gone."""
        await self._run(lambda: self._look(files))

    async def look_after_kills(self, session_id: str, since: Since) -> None:
        """Keeps what tainted commands wrote whose daemon was killed; `since` tells what changed since a snapshot.

        `session_id` is held by the caller; what runs in another process looks for itself.
        """
        for one in await self._run(lambda: taint_store.unlooked(self._db)):
            with suppress(JournalError), nullcontext() if one.session == session_id else self.hold(one.session):
                changes = await since(one.snapshot)
                await self._run(functools.partial(self._settle, one, changes))

    async def tainted(self, files: Sequence[tuple[str, str]]) -> tuple[bool, ...]:
        """Which files were: each by its URI and its content's SHA-256 (hex), empty where that is not known."""
        return await self._run(lambda: tuple(taint_store.is_tainted(self._db, *file) for file in files))

    async def sessions(self, workspace: str, *, most: int = 100) -> tuple[SessionSummary, ...]:
        """The sessions of a workspace, newest first."""
        return await self._run(lambda: self._sessions(workspace, most))

    @contextmanager
    def hold(self, session_id: str) -> Iterator[None]:
        """Keeps a session for this process while a turn runs; the kernel lets go when the process dies.

        Raises JournalError when another process holds it.
        """
        if not re.fullmatch(r"[\w-]{1,200}", session_id):
            raise JournalError(f"'{session_id}' is no session")
        folder = self._file.parent / "locks"
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock = _locked(folder / session_id)
        except BlockingIOError:
            raise JournalError(
                f"session {session_id} is running in another editor or terminal: end its turn there first"
            ) from None
        try:
            yield
        finally:
            (folder / session_id).unlink(missing_ok=True)
            os.close(lock)

    async def close(self) -> None:
        await self._run(self._db.close)
        if self._owner:
            self._owner.close()
        self._thread.shutdown()

    async def _run(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise JournalError(_unusable(self._file, error)) from error

    def _create(self, session_id: str, workspace: str, title: str) -> None:
        with _transaction(self._db) as db:
            db.execute(
                "INSERT INTO session (id, workspace, title, updated_at) VALUES (?, ?, ?, ?)",
                (session_id, _storable(workspace), _storable(title), self._clock()),
            )

    def _branch(self, session_id: str, branch_id: str, seq: int) -> Conversation | None:
        source = self._load(session_id)
        if source is None or all(entry.seq != seq for entry in source.entries):
            return None
        with _transaction(self._db) as db:
            db.execute(
                "INSERT INTO session (id, workspace, title, updated_at, head)"
                " SELECT ?, workspace, title, ?, ? FROM session WHERE id = ?",
                (branch_id, self._clock(), seq, session_id),
            )
        return self._load(branch_id)

    def _append(
        self, session_id: str, parent: int | None, contents: tuple[Content, ...], paid: Paid, turn: PastTurn | None
    ) -> tuple[Entry, ...]:
        now, entries = self._clock(), []
        contents = cleaned(contents, self._clean)
        with _transaction(self._db) as db:
            head = parent
            for content in contents:
                row = db.execute(
                    "INSERT INTO entry (parent, at, content) VALUES (?, ?, ?) RETURNING seq",
                    (head, now, codec.encode(content)),
                ).fetchone()
                entries.append(Entry(int(row[0]), head, now, content))
                head = entries[-1].seq
            moved = db.execute(
                "UPDATE session SET head = ?, updated_at = ?, cost = cost + ? WHERE id = ? AND head IS ?",
                (head, now, paid.usd, session_id, parent),
            )
            if moved.rowcount != 1:
                raise JournalError(f"session {session_id} was continued elsewhere: open it again")
            taint_store.note(db, session_id, contents)
            ledger.settle(db, paid.reservation, ledger.day_of(now), paid.usd)
            if turn:
                ledger.write_turn(db, ledger.day_of(now), turn)
        return tuple(entries)

    def _look(self, files: Sequence[tuple[str, str]]) -> None:
        with _transaction(self._db) as db:
            for file in files:
                taint_store.look(db, *file)

    def _settle(self, one: Unlooked, changes: Sequence[FileChanged]) -> None:
        with _transaction(self._db) as db:
            taint_store.settle(db, one, changes)

    def _load(self, session_id: str) -> Conversation | None:
        if not self._db.execute("SELECT 1 FROM session WHERE id = ?", (session_id,)).fetchone():
            return None
        rows = self._db.execute(_PATH_TO_HEAD, (session_id,)).fetchall()
        try:
            return Conversation([Entry(seq, parent, at, codec.decode(line)) for seq, parent, at, line in rows])
        except ValueError as error:
            raise JournalError(f"session {session_id} in {self._file} cannot be read: {error}") from error

    def _reserve(self, reservation: str, usd: float, cap: float) -> float | None:
        with _transaction(self._db) as db:
            return ledger.reserve(db, self._me(), reservation, ledger.day_of(self._clock()), usd, cap)

    def _me(self) -> Owner:
        if self._owner is None:
            self._owner = Owner(self._file.parent / "locks", f"daemon-{uuid.uuid4().hex}")
        return self._owner

    def _head(self, session_id: str) -> int | None:
        row = self._db.execute("SELECT head FROM session WHERE id = ?", (session_id,)).fetchone()
        return row[0] if row else None

    def _sessions(self, workspace: str, most: int) -> tuple[SessionSummary, ...]:
        rows = self._db.execute(
            "SELECT id, title, updated_at, cost, head FROM session WHERE workspace = ?"
            " ORDER BY updated_at DESC, rowid DESC LIMIT ?",
            (_storable(workspace), most),
        ).fetchall()
        return tuple(SessionSummary(*row) for row in rows)


def _locked(file: Path) -> int:
    """The descriptor of a locked file. Raises BlockingIOError when somebody else has it."""
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if file.stat().st_ino == os.fstat(lock).st_ino:
                    return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # its last holder removed it while we opened it: there is another one now, or none


def _storable(text: str) -> str:
    """Text as SQLite takes it: half surrogate pairs, as in names of folders that are no UTF-8, become escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _unusable(file: Path, error: Exception) -> str:
    return f"{file} cannot be used ({error}): move it away, or set AGENT_LSP_STATE_DIR to another folder"


def _open(file: Path) -> sqlite3.Connection:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its side files the same mode
        db = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(_unusable(file, error)) from error
    try:
        _switch_to_wal(db)
        db.execute("PRAGMA synchronous = FULL")
        _migrate(db, file)
    except sqlite3.Error as error:
        db.close()
        raise JournalError(_unusable(file, error)) from error
    except JournalError:
        db.close()
        raise
    return db


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """Waits for others who open the file at this moment: SQLite itself does not when the mode changes."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _migrate(db: sqlite3.Connection, file: Path) -> None:
    with _transaction(db):
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > _VERSION:
            raise JournalError(f"{file} was written by a newer agent-lsp: update this one")
        for schema in _SCHEMAS[version:]:
            for statement in schema.strip().split(";\n"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {_VERSION}")


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
