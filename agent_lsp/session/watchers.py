"""Who sees which events."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from agent_lsp.conversation.events import Event, EventEnvelope, Watcher
from agent_lsp.conversation.redact import cleaned

_log = logging.getLogger(__name__)


class Watchers:
    """Hands every event to every watcher, without secrets; one that fails is logged and the others go on."""

    def __init__(self, clean: Callable[[str], str] = lambda text: text) -> None:
        self.clean = clean
        self._watchers: list[Watcher] = []
        self._failed: set[Watcher] = set()

    def add(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def show(self, seen: EventEnvelope) -> None:
        event: Event = cleaned(seen.event, self.clean)
        seen = replace(seen, event=event)
        for watcher in self._watchers:
            try:
                watcher(seen)
            except Exception:
                if watcher not in self._failed:  # once: else the log would have a traceback for each token
                    _log.exception("a watcher failed on %s", type(seen.event).__name__)
                self._failed.add(watcher)
