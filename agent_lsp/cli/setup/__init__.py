"""`agent-lsp setup EDITOR`: says what the editor needs, writes it, or takes it back; a file for each editor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import agent_lsp
from agent_lsp.processes.run import Ended, Processes

_MOST_BYTES = 1 << 16
_PACKAGE = Path(agent_lsp.__file__).parent


class SetupRefused(Exception):
    """What stands in the way, and the remedy."""


class Wish(StrEnum):
    """What is to be done with that which an editor needs."""

    SAY = "say"
    WRITE = "write"
    REMOVE = "remove"


def shipped(in_package: str, in_checkout: str) -> Path | None:
    """A client as it lies in the installed package, else in the checkout; None where it is in neither."""
    places = (_PACKAGE / "clients" / in_package, _PACKAGE.parent / "editor-clients" / in_checkout)
    return next((place for place in places if place.exists()), None)


def ended(argv: Sequence[str], environment: Mapping[str, str], *, timeout_seconds: float) -> Ended:
    """How an editor's own command ended. Raises SetupRefused when it cannot start."""
    try:
        return asyncio.run(_run(argv, environment, timeout_seconds))
    except OSError as error:
        raise SetupRefused(f"{argv[0]} cannot be started: {error.strerror}") from error


async def _run(argv: Sequence[str], environment: Mapping[str, str], timeout_seconds: float) -> Ended:
    processes = Processes()
    try:
        return await processes.run(
            argv, cwd="/", timeout_seconds=timeout_seconds, most_bytes=_MOST_BYTES, env=environment
        )
    finally:
        await processes.close()
