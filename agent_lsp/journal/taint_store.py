"""The files that were written after untrusted text was read, of all sessions: a table beside the journal's."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent_lsp.conversation.entries import Content, FileChanged, FilesChanged

SCHEMA = """
CREATE TABLE tainted (uri TEXT NOT NULL, digest TEXT NOT NULL, before TEXT NOT NULL, PRIMARY KEY (uri, digest));
CREATE INDEX tainted_by_digest ON tainted (digest);
CREATE TABLE unlooked (session TEXT NOT NULL, call TEXT NOT NULL, snapshot TEXT NOT NULL, PRIMARY KEY (session, call));
"""
SCHEMA_OF_LOOKED = """
CREATE TABLE looked (digest TEXT PRIMARY KEY);
"""
"""Contents that the user has looked through, whoever wrote them, and when."""
_EMPTY = hashlib.sha256().hexdigest()
_LOOKED = "SELECT 1 FROM looked WHERE digest = ?"
_KNOWN = "SELECT 1 FROM tainted WHERE digest = ?"
_FIRST = "SELECT before FROM tainted WHERE uri = ? ORDER BY rowid LIMIT 1"


@dataclass(frozen=True, slots=True)
class Unlooked:
    """A command that runs, or was killed with its daemon: nobody has looked what it changed since the snapshot."""

    session: str
    call: str
    snapshot: str


def note(db: sqlite3.Connection, session: str, contents: Iterable[Content]) -> None:
    """Keeps what such entries of a session say was written, in the caller's transaction."""
    for content in contents:
        if isinstance(content, FilesChanged) and content.taint and content.snapshot:
            db.execute("INSERT OR REPLACE INTO unlooked VALUES (?, ?, ?)", (session, content.call_id, content.snapshot))
        elif isinstance(content, FilesChanged) and content.taint:
            settle(db, Unlooked(session, content.call_id, ""), content.changes)
        elif isinstance(content, FilesChanged):
            _note_moves(db, content.changes)


def unlooked(db: sqlite3.Connection) -> tuple[Unlooked, ...]:
    """The commands of which it is not known what they wrote."""
    return tuple(Unlooked(*row) for row in db.execute("SELECT session, call, snapshot FROM unlooked"))


def settle(db: sqlite3.Connection, one: Unlooked, changes: Iterable[FileChanged]) -> None:
    """Keeps what a call has written, in the caller's transaction."""
    db.execute("DELETE FROM unlooked WHERE session = ? AND call = ?", (one.session, one.call))
    made = tuple(changes)
    moved = _moved(db, made)
    for change in made:
        if moved.get(_arrived(change), True):
            _note(db, change)


def _note_moves(db: sqlite3.Connection, changes: Sequence[FileChanged]) -> None:
    """A file that was only moved is what it was where it came from, whoever moved it."""
    moved = _moved(db, changes)
    for change in changes:
        if moved.get(_arrived(change), False):
            _note(db, change)


def _moved(db: sqlite3.Connection, changes: Sequence[FileChanged]) -> dict[str, bool]:
    """By content, what may have been moved, and whether it was one of them where it came from."""
    found: dict[str, bool] = {}
    arrived = {_arrived(change) for change in changes} - {""}
    for uri, before in ((change.uri, change.before) for change in changes if arrived):
        if before and before.digest in arrived:
            found[before.digest] = found.get(before.digest, False) or is_tainted(db, uri, before.digest)
    return found


def _arrived(change: FileChanged) -> str:
    """The content of a file that was not there before; empty for one that was, and where it is not known."""
    return change.after.digest if change.after and not change.before else ""


def _note(db: sqlite3.Connection, change: FileChanged) -> None:
    if change.after:
        known = change.before.digest if change.before else ""
        db.execute("INSERT OR IGNORE INTO tainted VALUES (?, ?, ?)", (change.uri, change.after.digest, known))


def any_at_all(db: sqlite3.Connection) -> bool:
    """Whether there are any."""
    return db.execute("SELECT 1 FROM tainted LIMIT 1").fetchone() is not None


def uris(db: sqlite3.Connection) -> tuple[str, ...]:
    """Where they were written, the latest last."""
    query = "SELECT uri FROM tainted WHERE uri <> '' GROUP BY uri ORDER BY max(rowid)"
    return tuple(uri for (uri,) in db.execute(query))


def look(db: sqlite3.Connection, uri: str, digest: str) -> None:
    """The user has looked through a file, whose content that is, empty if it is gone; in the caller's transaction.

    What stood there before stays one of them by its content.
    """
    if digest:
        db.execute("INSERT OR IGNORE INTO looked VALUES (?)", (digest,))
    db.execute("UPDATE OR REPLACE tainted SET uri = '' WHERE uri = ?", (uri,))


def is_tainted(db: sqlite3.Connection, uri: str, digest: str) -> bool:
    """Whether a file at that URI, or of that content (SHA-256 in hex, empty if unknown), is one of them.

    A content is one wherever it lies. A file stays one when it is changed later, but not once it is again what it was
    before it was first written so. What the user has looked through is none.
    """
    if digest and db.execute(_LOOKED, (digest,)).fetchone():
        return False
    if digest and digest != _EMPTY and db.execute(_KNOWN, (digest,)).fetchone():
        return True
    first = db.execute(_FIRST, (uri,)).fetchone()
    return first is not None and not (digest and digest == first[0])
