"""The public contract on the wire: our commands, requests and notifications, with their typed params.

Field names are camelCase on the wire; a missing field means its default; unknown fields are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import attrs
from attrs.validators import deep_iterable, ge, in_, instance_of, optional

from agent_lsp import PROTOCOL

REQUEST_ASK = "agent/ask"
REQUEST_APPROVAL = "agent/requestApproval"
NOTIFICATION_EVENT = "agent/event"

DECISIONS = ("allow_once", "allow_session", "allow_always", "reject")
SURFACES = ("progress", "approval", "review", "chat", "trust")
EVENTS = (
    "turnStarted",
    "promptJoined",
    "textDelta",
    "thinkingDelta",
    "toolCallStarted",
    "toolCallOutput",
    "toolCallFinished",
    "approvalRequested",
    "approvalDecided",
    "usageUpdated",
    "retrying",
    "turnFinished",
)

_text, _flag, _whole = instance_of(str), instance_of(bool), instance_of(int)


class InvalidParams(Exception):
    """Params are not of the contract's shape; the message names the field."""


@attrs.frozen
class Position:
    """Zero-based, in the units of the negotiated encoding (LSP 3.17)."""

    line: int = attrs.field(validator=[_whole, ge(0)])
    character: int = attrs.field(validator=[_whole, ge(0)])


@attrs.frozen
class Range:
    """From `start` up to but without `end`."""

    start: Position
    end: Position


@attrs.frozen
class AskContext:
    """What the editor shows beside a prompt: a file, a part of it, and diagnostics (LSP's) on it."""

    uri: str | None = attrs.field(default=None, validator=optional(_text))
    range: Range | None = None
    diagnostics: list[dict[str, Any]] = attrs.field(  # Any: LSP's JSON
        factory=list, validator=deep_iterable(instance_of(dict), instance_of(list))
    )


@attrs.frozen
class AskParams:
    """`agent.ask` and `agent/ask`: answers at once with `{turnId, sessionId}`, with `wait` when the turn ends."""

    prompt: str = attrs.field(validator=_text)
    session_id: str | None = attrs.field(default=None, validator=optional(_text))
    context: AskContext | None = None
    preset: str | None = attrs.field(default=None, validator=optional(in_(("plan", "confirm", "edits", "auto"))))
    model: str | None = attrs.field(default=None, validator=optional(_text))
    queue: bool = attrs.field(default=False, validator=_flag)
    wait: bool = attrs.field(default=False, validator=_flag)
    work_done_token: str | int | None = attrs.field(default=None, validator=optional(instance_of((str, int))))
    partial_result_token: str | int | None = attrs.field(default=None, validator=optional(instance_of((str, int))))


@attrs.frozen
class CancelParams:
    """`agent.cancel`: one turn, the turns of one session, or all of this client."""

    turn_id: str | None = attrs.field(default=None, validator=optional(_text))
    session_id: str | None = attrs.field(default=None, validator=optional(_text))


@attrs.frozen
class DecideParams:
    """`agent.decide`: the answer to an open question, from wherever the user gave it."""

    approval_id: str = attrs.field(validator=_text)
    decision: str = attrs.field(validator=in_(DECISIONS))
    feedback: str = attrs.field(default="", validator=_text)
    hunks: list[str] | None = attrs.field(default=None, validator=optional(deep_iterable(_text, instance_of(list))))
    stop: bool = attrs.field(default=False, validator=_flag)


@attrs.frozen
class SessionParams:
    """`agent.session`: the entries of one session, those with a larger `seq` than `after`."""

    session_id: str = attrs.field(validator=_text)
    after: int = attrs.field(default=0, validator=_whole)


@attrs.frozen
class HistoryParams:
    """`agent.undo`, `agent.redo`: the changes of the last turn, of that around an entry (its `seq`), or hunks of it."""

    session_id: str = attrs.field(validator=_text)
    entry_id: int | None = attrs.field(default=None, validator=optional(_whole))
    hunks: list[str] = attrs.field(factory=list, validator=deep_iterable(_text, instance_of(list)))


@attrs.frozen
class ChangesParams:
    """`agent.changes`: what a `filesChanged`, `undone` or `redone` entry changed, hunk by hunk."""

    session_id: str = attrs.field(validator=_text)
    entry_id: int = attrs.field(validator=_whole)


@attrs.frozen
class BranchParams:
    """`agent.branch`: a new session that goes on from an entry (its `seq`), if asked with its files as they were."""

    session_id: str = attrs.field(validator=_text)
    entry_id: int = attrs.field(validator=_whole)
    restore_files: bool = attrs.field(default=False, validator=_flag)


@attrs.frozen
class NoParams:
    """Commands that take nothing."""


@attrs.frozen
class ClientOptions:
    """`initializationOptions.agent`, but for settings: what the client takes and what it shows itself."""

    protocol: int = attrs.field(default=PROTOCOL, validator=_whole)
    events: bool = attrs.field(default=False, validator=_flag)
    approvals: bool = attrs.field(default=False, validator=_flag)
    renders: list[str] = attrs.field(factory=list, validator=deep_iterable(_text, instance_of(list)))


@attrs.frozen
class ContinueParams:
    """`agent.continue`: goes on with a session whose last turn ended before it was done; answers as `agent.ask`."""

    session_id: str = attrs.field(validator=_text)
    wait: bool = attrs.field(default=False, validator=_flag)


@attrs.frozen
class TrustParams:
    """`agent.trust`: what would act on the agent; with the `digest` of what was shown it is trusted, or taken back."""

    digest: str | None = attrs.field(default=None, validator=optional(_text))
    forget: bool = attrs.field(default=False, validator=_flag)


COMMANDS: dict[str, type] = {
    "agent.ask": AskParams,
    "agent.branch": BranchParams,
    "agent.cancel": CancelParams,
    "agent.changes": ChangesParams,
    "agent.continue": ContinueParams,
    "agent.decide": DecideParams,
    "agent.estimate": AskParams,
    "agent.redo": HistoryParams,
    "agent.session": SessionParams,
    "agent.sessions": NoParams,
    "agent.status": NoParams,
    "agent.trust": TrustParams,
    "agent.undo": HistoryParams,
}
"""Every command with the shape of its one argument."""

_NESTED = {"context": AskContext, "range": Range, "start": Position, "end": Position}

Params = TypeVar("Params")


def parse(cls: type[Params], raw: object, place: str = "") -> Params:
    """The params that a client sent. Raises InvalidParams, naming the field."""
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        raise InvalidParams(f"{place or 'params'} should be an object")
    values = {}
    for field in attrs.fields(cls):  # type: ignore[arg-type]  # every class of this file is one of attrs
        wire = _camel(field.name)
        if raw.get(wire) is None:
            if field.default is attrs.NOTHING:
                raise InvalidParams(f"{place}{wire} is missing")
            continue
        nested = _NESTED.get(field.name)
        values[field.name] = parse(nested, raw[wire], f"{place}{wire}.") if nested else raw[wire]
    try:
        return cls(**values)
    except (TypeError, ValueError) as error:
        raise InvalidParams(f"{place}{_wrong(error)}") from error


def experimental() -> dict[str, object]:
    """What `initialize` answers in `capabilities.experimental`."""
    return {"agent": {"protocol": PROTOCOL, "commands": list(COMMANDS), "events": list(EVENTS)}}


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def _wrong(error: Exception) -> str:
    """What attrs' validators say (message, attribute, wanted, value), in the contract's words."""
    if len(error.args) < 4:
        return f"a field has a wrong value: {error}"
    attribute, wanted, value = error.args[1:4]
    if isinstance(wanted, type):
        return f"{_camel(attribute.name)} should be {_JSON_TYPES.get(wanted, wanted.__name__)}, not {value!r:.80}"
    return f"{_camel(attribute.name)} should be one of {wanted}, not {value!r:.80}"


_JSON_TYPES = {str: "a string", bool: "true or false", int: "a whole number", list: "a list", dict: "an object"}
