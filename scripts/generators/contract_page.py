"""docs/protocol.md: every method with its params, answer, errors and an example, then events, entries and words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from agent_lsp import PROTOCOL
from agent_lsp.contract.answers import AskFinished
from agent_lsp.contract.codec import JsonObject, WireField
from agent_lsp.contract.entries import EntryBody, SessionEntry
from agent_lsp.contract.events import AgentEvent, EventBody
from agent_lsp.contract.handshake import ClientOptions, DaemonOptions
from agent_lsp.contract.methods import METHODS, Method
from agent_lsp.contract.names import CommandName
from scripts.generators.contract_examples import recorded
from scripts.generators.contract_model import (
    HEAD,
    Shape,
    about,
    elements,
    enumerations,
    options,
    shape,
    shapes,
    union_name,
    unions,
    word,
)

_SCALARS = {str: "string", bool: "true or false", int: "whole number", float: "number"}
_INTRODUCTION = f"""\
<!-- {HEAD} -->

# The public contract

What clients and scripts may rely on, version {PROTOCOL}. [protocol.schema.json](protocol.schema.json) says the same for
programs. The examples are recorded from a run with the [scripted model](scripted.md).

`agent-lsp serve` speaks LSP 3.17 on standard input and output. Field names are camelCase. A missing field, or null,
means its default. Both sides ignore fields and kinds that they do not know. `agent-lsp ask --json` prints one event a
line.

A command is sent as `workspace/executeCommand` with one object as its only argument:

```json
{{"method": "workspace/executeCommand", "params": {{"command": "agent.ask", "arguments": [{{"prompt": "say hello"}}]}}}}
```

Params that are not of the shape below are answered with error `-32602`, whose message names the field. Any command may
fail with `-32803`: the daemon cannot work with its settings, its journal or the workspace; the message says why.

"""


def page(_: str) -> str:
    """Return the file's text."""
    parts = [_INTRODUCTION, _handshake(), "## Methods\n\n", *(_method(*one) for one in METHODS.items())]
    parts += [_kinds("Events", AgentEvent, EventBody, recorded().events)]
    parts += [_kinds("Entries", SessionEntry, EntryBody, recorded().entries)]
    parts += ["## Values\n\n", *map(_value, _values()), "## Words\n\n", *map(_words, enumerations())]
    return "".join(parts).rstrip() + "\n"


def _handshake() -> str:
    asked = recorded().params["initialize"]["initializationOptions"]["agent"]
    answered = recorded().answers["initialize"]["capabilities"]["experimental"]["agent"]
    return (
        "## Handshake\n\n"
        f"{about(ClientOptions)} Settings of the client stand beside these fields.\n\n{_table(shape(ClientOptions))}"
        f"{_example(asked)}{about(DaemonOptions)}\n\n{_table(shape(DaemonOptions))}{_example(answered)}"
    )


def _method(name: str, method: Method) -> str:
    parts = [f"### `{name}`\n\nA {method.form}. {method.about}\n\n", _params(method.params), _answer(method.answer)]
    if method.errors:
        parts.append("".join(["Errors:\n\n", *(f"- {one}\n" for one in method.errors), "\n"]))
    if name in recorded().params:
        parts += ["Example:\n\n", _example(recorded().params[name])]
        parts += ["is answered with\n\n", _example(recorded().answers[name])]
    return "".join(parts)


def _params(params: type) -> str:
    found = shape(params)
    if found.beside:
        return f"Params: [{found.name}](#{found.beside.removesuffix('Body').lower()}s)\n\n"
    if not found.fields:
        return "Params: none.\n\n"
    return f"Params: {found.about}\n\n{_table(found)}"


def _answer(answer: object) -> str:
    if answer is None:
        return ""
    if inner := elements(answer):
        return f"Answer: a list.\n\n{_table(shape(_class(inner)))}"
    several = options(answer)
    if AskFinished in several:
        return f"Answer: {' or '.join(_link(one.__name__) for one in several)}.\n\n"
    found = shape(_class(answer))
    return f"Answer: {found.about}\n\n{_table(found)}"


def _class(kind: object) -> type:
    if not isinstance(kind, type):
        raise TypeError(f"{kind} is not a class of the contract")
    return kind


def _kinds(title: str, whole: type, body: Any, examples: Mapping[str, object]) -> str:  # Any: a union of classes
    """A section on the kinds of a union, each with an example."""
    parts = [f"## {title}\n\n{about(whole)}\n\n{_table(shape(whole))}"]
    for cls in options(body):
        found = shape(cls)
        name = " ".join(word(field.kind) for field in found.fields if field.tag)
        parts.append(f"### `{name}`\n\n{found.about}\n\n{_table(found)}")
        if name in examples:
            parts.append(_example(examples[name]))
    return "".join(parts)


def _values() -> Iterator[Shape]:
    """The classes that methods and kinds refer to."""
    told = {AgentEvent.__name__, SessionEntry.__name__, ClientOptions.__name__, DaemonOptions.__name__}
    told |= {cls.__name__ for body in (EventBody, EntryBody) for cls in options(body)}
    told |= {method.params.__name__ for method in METHODS.values()} - {"Approval"}
    answers = [elements(method.answer) or method.answer for method in METHODS.values()]
    told |= {one.__name__ for one in answers if isinstance(one, type)}
    yield from (one for one in shapes() if one.name not in told and one.name != "TurnCost")


def _value(found: Shape) -> str:
    return f"### {found.name}\n\n{found.about}\n\n{_table(found)}"


def _words(enum: type[StrEnum]) -> str:
    listed = ", ".join(f"`{one.value}`" for one in enum)
    return "" if enum is CommandName else f"### {enum.__name__}\n\n{about(enum)}\n\n{listed}\n\n"


def _table(found: Shape) -> str:
    if not found.fields:
        return ""
    rows = "".join(_rows(found.fields))
    return f"| field | type | |\n| --- | --- | --- |\n{rows}\n"


def _rows(fields: Iterable[WireField]) -> Iterator[str]:
    for field in fields:
        null = " or null" if field.nullable and field.required else ""
        mark = "" if field.always else "Optional. "
        yield f"| `{field.wire}` | {_type(field.kind)}{null} | {mark}{field.about}".rstrip() + " |\n"


def _type(kind: object) -> str:
    if inner := elements(kind):
        return f"list of {_type(inner)}"
    if literal := word(kind):
        return f"`{literal}`"
    if name := union_name(kind):
        return " or ".join(_link(one.__name__) for one in unions()[name])
    if several := options(kind):
        return " or ".join(map(_type, several))
    if kind == JsonObject:
        return "object"
    found = _class(kind)
    return _SCALARS.get(found) or _link(found.__name__)


def _link(name: str) -> str:
    places = {"CommandName": "methods", "SessionEntry": "entries"}
    return f"[{name}](#{places.get(name, name.lower())})"


def _example(value: object) -> str:
    return f"```json\n{_json(value)}\n```\n\n"


def _json(value: object, indent: str = "") -> str:
    """JSON in few lines: what fits in a line stands in one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= 110 or not isinstance(value, dict | list) or not value:
        return line
    deeper = f"{indent}  "
    if isinstance(value, dict):
        inner = [f"{json.dumps(key)}: {_json(one, deeper)}" for key, one in value.items()]
    else:
        inner = [_json(one, deeper) for one in value]
    begins, ends = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return begins + ",".join(f"\n{deeper}{one}" for one in inner) + f"\n{indent}{ends}"
