"""What the model of one session last saw of each file: what changed since is told, and not edited unseen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from threading import Lock

from agent_lsp.conversation.actions import FileChange
from agent_lsp.files.disk import TextFile
from agent_lsp.text.diffs import compared, lines_of, unified

_MOST_KEPT, _MOST_KEPT_IN_ALL = 256 << 10, 8 << 20
"""Characters of one text, and of all together, that are kept to say later what changed; digests are kept of all."""
_MOST_VIEWS = 2_000
_MOST_SHOWN = 4_000
_GONE = b""


class ChangedSinceSeen(Exception):
    """A file is not as the model saw it; the message shows what changed, which counts as seen from then on."""


@dataclass(frozen=True, slots=True)
class _View:
    """What was seen; `told` is the digest of what the model knows to stand there now, though not its text."""

    digest: bytes
    told: bytes
    text: str | None


class ReadTracker:
    """Paths with what was seen of them, in memory: what a daemon before this one has shown is not known.

    Digests take time with large texts: call these in a thread then; several may.
    """

    def __init__(self) -> None:
        self._views: dict[str, _View] = {}
        self._kept = 0
        self._lock = Lock()

    @property
    def paths(self) -> tuple[str, ...]:
        """The absolute paths of the files that were seen and not deleted by the agent."""
        return tuple(self._views)

    def note(self, path: str, text: str) -> None:
        """The model has read this text there, or written it."""
        digest = _digest(text)
        kept = text if len(text) <= _MOST_KEPT else None
        with self._lock:
            self._put(path, _View(digest, digest, kept))

    def forget(self, path: str) -> None:
        """The agent deleted the file."""
        with self._lock:
            self._drop(path)

    def move(self, path: str, new_path: str) -> None:
        """The agent moved the file."""
        with self._lock:
            if view := self._drop(path):
                self._put(new_path, view)

    def must_be_current(self, document: TextFile) -> None:
        """Raises ChangedSinceSeen where the model saw another text there; a file it never saw is not judged."""
        path, view = document.location.path, self._views.get(document.location.path)
        if view is None or view.digest == _digest(document.text):
            return
        self.note(path, document.text)
        shown = _what_changed(view, document)
        raise ChangedSinceSeen(
            f"'{document.location.shown}' was changed by the user or a program since you last saw it; nothing was"
            f" written. Decide anew. {shown}"
        )

    def news(self, path: str, text: str | None) -> str | None:
        """In a few words, how a file differs from what was seen, None for gone; nothing where that was said before."""
        view = self._views.get(path)
        digest = _GONE if text is None else _digest(text)
        if view is None or view.told == digest:
            return None
        with self._lock:
            self._put(path, _View(view.digest, digest, view.text))
        if text is None:
            return "deleted, or no longer readable"
        if digest == view.digest:
            return "as you saw it again"
        return _where(view.text, text)

    def _put(self, path: str, view: _View) -> None:
        self._drop(path)
        self._views[path] = view
        self._kept += len(view.text or "")
        if len(self._views) > _MOST_VIEWS:
            self._drop(next(iter(self._views)))
        for other in [*self._views]:  # the oldest first
            if self._kept <= _MOST_KEPT_IN_ALL:
                return
            old = self._views[other]
            self._kept -= len(old.text or "")
            self._views[other] = _View(old.digest, old.told, None)

    def _drop(self, path: str) -> _View | None:
        view = self._views.pop(path, None)
        self._kept -= len(view.text or "") if view else 0
        return view


def _what_changed(view: _View, document: TextFile) -> str:
    if view.text is None:
        shown, what = document.text, "Its text is now:"
    else:
        hunks = compared(view.text, document.text)
        change = FileChange(document.location.value, view.text, document.text, hunks=hunks)
        shown, what = unified(change), "What changed:"
    if len(shown) > _MOST_SHOWN:
        return f"{what}\n{shown[:_MOST_SHOWN]}\n[there is more: read the file again]"
    return f"{what}\n{shown}"


def _where(before: str | None, after: str) -> str:
    hunks = compared(before, after) if before is not None else ()
    if not hunks:
        return "changed"
    last = max(hunks[-1].new_start, hunks[-1].new_start + len(lines_of(hunks[-1].new)) - 1)
    first = hunks[0].new_start
    return f"changed in line {first}" if first == last else f"changed in lines {first} to {last}"


def _digest(text: str) -> bytes:
    """A byte order mark is not part of a text that was read, yet may be of one that was written."""
    return hashlib.sha256(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass")).digest()
