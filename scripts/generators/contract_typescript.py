"""src/contract.ts of the VS Code extension, formatted as Prettier does."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from enum import StrEnum

from agent_lsp import NAME, PROTOCOL
from agent_lsp.contract.codec import JsonObject, WireField
from agent_lsp.contract.names import NOTIFICATION_EVENT, REQUEST_APPROVAL, REQUEST_ASK, CommandName
from scripts.generators.contract_model import (
    HEAD,
    Shape,
    about,
    constant,
    elements,
    enumerations,
    options,
    shapes,
    union_name,
    unions,
    word,
)

_WIDTH = 120
_SCALARS = {str: "string", bool: "boolean", int: "number", float: "number"}


def types(_: str) -> str:
    """Return the file's text."""
    parts = [_head(), _command(), *map(_enumeration, _others()), *map(_class, shapes()), *_unions()]
    return "\n".join(parts)


def _head() -> str:
    return f"""\
/**
 * The public contract: names, kinds and shapes. {HEAD}
 *
 * Field names are those of the wire. A missing field means its default; unknown fields and kinds are ignored.
 */

export const SERVER_NAME = '{NAME}';
export const PROTOCOL = {PROTOCOL};
export const REQUEST_ASK = '{REQUEST_ASK}';
export const REQUEST_APPROVAL = '{REQUEST_APPROVAL}';
export const NOTIFICATION_EVENT = '{NOTIFICATION_EVENT}';
"""


def _command() -> str:
    lines = "".join(f"  {one.name.lower()}: '{one.value}',\n" for one in CommandName)
    type_line = "export type CommandName = (typeof COMMAND)[keyof typeof COMMAND];\n"
    return f"export const COMMAND = {{\n{lines}}} as const;\n{_comment(about(CommandName))}{type_line}"


def _others() -> list[type[StrEnum]]:
    return [one for one in enumerations() if one is not CommandName]


def _enumeration(enum: type[StrEnum]) -> str:
    words = [f"'{one.value}'" for one in enum]
    name = f"{constant(enum.__name__).upper()}S".replace("STATUSS", "STATUSES")
    line = f"export const {name} = [{', '.join(words)}] as const;\n"
    if len(line) > _WIDTH + 1:
        lines = "".join(f"  {one},\n" for one in words)
        line = f"export const {name} = [\n{lines}] as const;\n"
    return f"{line}{_comment(about(enum))}export type {enum.__name__} = (typeof {name})[number];\n"


def _class(shape: Shape) -> str:
    fields = "".join(_lines(shape.fields))
    comment = _comment(shape.about)
    if shape.beside:
        return f"{comment}export type {shape.name} = {{\n{fields}}} & {shape.beside};\n"
    if not fields:
        return f"{comment}export type {shape.name} = Record<string, never>;\n"
    return f"{comment}export interface {shape.name} {{\n{fields}}}\n"


def _lines(fields: Iterable[WireField]) -> Iterator[str]:
    for field in fields:
        null = " | null" if field.nullable and field.required else ""
        yield _comment(field.about, "  ")
        yield f"  {field.wire}{'' if field.always else '?'}: {_type(field.kind)}{null};\n"


def _unions() -> Iterator[str]:
    for name, classes in unions().items():
        names = [cls.__name__ for cls in classes]
        line = f"export type {name} = {' | '.join(names)};\n"
        lines = "".join(f"\n  | {one}" for one in names)
        yield line if len(line) <= _WIDTH + 1 else f"export type {name} ={lines};\n"


def _type(kind: object) -> str:
    if inner := elements(kind):
        one = _type(inner)
        return f"readonly ({one})[]" if " " in one else f"readonly {one}[]"
    if literal := word(kind):
        return f"'{literal}'"
    if name := union_name(kind):
        return name
    if several := options(kind):
        return " | ".join(map(_type, several))
    if kind == JsonObject:
        return "object"
    if not isinstance(kind, type):
        raise TypeError(f"TypeScript has no type for {kind}")
    return _SCALARS.get(kind, kind.__name__)


def _comment(text: str, indent: str = "") -> str:
    if not text:
        return ""
    line = f"{indent}/** {text} */\n"
    if len(line) <= _WIDTH + 1:
        return line
    wrapped = "".join(f"{indent} * {one}\n" for one in textwrap.wrap(text, _WIDTH - len(indent) - 3))
    return f"{indent}/**\n{wrapped}{indent} */\n"
