"""What client and daemon tell one another in `initialize`. Light: it is imported before that is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from agent_lsp import PROTOCOL
from agent_lsp.contract.codec import Json, encode
from agent_lsp.contract.names import CommandName, EventKind, Surface


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """`initializationOptions.agent`: what the client takes and what it shows itself, beside its settings."""

    protocol: Annotated[int, "The version of the contract that the client speaks."] = PROTOCOL
    events: Annotated[bool, "Whether the client takes `agent/event`."] = False
    approvals: Annotated[bool, "Whether the client answers `agent/requestApproval`."] = False
    renders: Annotated[tuple[Surface, ...], "What the client shows itself."] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """`capabilities.experimental.agent` in the answer of `initialize`."""

    protocol: Annotated[int, "The version of the contract that the daemon speaks."]
    commands: tuple[CommandName, ...]
    events: tuple[EventKind, ...]


def experimental() -> Json:
    """What `initialize` answers in `capabilities.experimental`."""
    return {"agent": encode(DaemonOptions(protocol=PROTOCOL, commands=tuple(CommandName), events=tuple(EventKind)))}
