"""Who sees which events."""

from __future__ import annotations

import logging

from agent_lsp.conversation.events import Seen, Watcher

_log = logging.getLogger(__name__)


class Watchers:
    """Hands every event to every watcher; one that fails is logged and the others go on."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []

    def add(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def show(self, seen: Seen) -> None:
        for watcher in self._watchers:
            try:
                watcher(seen)
            except Exception:
                _log.exception("a watcher failed on %s", type(seen.event).__name__)
