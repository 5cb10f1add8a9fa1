"""Not confined at all: what the user allowed to run outside, or has switched on for a machine without a sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from agent_lsp.sandbox import Launch, Level, SandboxView

_VARIABLES = {"GIT_NO_LAZY_FETCH": "0"}
"""Here somebody was asked, and git may fetch what a partial clone lacks."""


class Unconfined:
    """Starts a command as it is."""

    level = Level.NONE
    shows_buffers = False
    keeps_all = False

    @contextmanager
    def launch(self, argv: Sequence[str], *, cwd: str, view: SandboxView) -> Iterator[Launch]:  # noqa: ARG002 - the protocol's
        """As the protocol says; of the view only the variables hold."""
        yield Launch(tuple(argv), variables={**view.variables, **_VARIABLES}, unguarded=view.protected)
