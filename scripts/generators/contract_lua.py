"""types.lua of the Neovim plugin: constants, and annotations for LuaLS, formatted as StyLua does."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum

from agent_lsp import NAME, PROTOCOL
from agent_lsp.contract.codec import JsonObject, WireField
from agent_lsp.contract.names import NOTIFICATION_EVENT, REQUEST_APPROVAL, REQUEST_ASK
from scripts.generators.contract_model import (
    HEAD,
    Shape,
    about,
    constant,
    elements,
    enumeration,
    enumerations,
    options,
    shape,
    shapes,
    union_name,
    unions,
    word,
)

_WIDTH = 120
_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def types(_: str) -> str:
    """Return the file's text."""
    merged = [_merged(name, classes) for name, classes in unions().items()]
    classes = [_with_union(each) for each in shapes() if not _alternative(each)]
    parts = [_head(), *map(_enumeration, enumerations()), *map(_class, [*merged, *classes]), "return M\n"]
    return "\n".join(parts)


def _head() -> str:
    return f"""\
-- The public contract: names, kinds and shapes. {HEAD}

local M = {{}}

M.SERVER = '{NAME}'
M.PROTOCOL = {PROTOCOL}
M.REQUEST_ASK = '{REQUEST_ASK}'
M.REQUEST_APPROVAL = '{REQUEST_APPROVAL}'
M.NOTIFICATION_EVENT = '{NOTIFICATION_EVENT}'
"""


def _enumeration(enum: type[StrEnum]) -> str:
    name = constant(enum.__name__).removesuffix("_name")
    lines = "".join(f"  {one.name.lower()} = '{one.value}',\n" for one in enum)
    return f"{_comment(about(enum))}---@enum agent_lsp.{enum.__name__}\nM.{name} = {{\n{lines}}}\n"


def _alternative(each: Shape) -> bool:
    return any(each.name == cls.__name__ for classes in unions().values() for cls in classes)


def _with_union(each: Shape) -> Shape:
    """A class with the fields of its union among its own."""
    if not each.beside:
        return each
    merged = _merged(each.beside, unions()[each.beside])
    return Shape(each.name, each.about, (*each.fields, *merged.fields))


def _merged(name: str, classes: tuple[type, ...]) -> Shape:
    """A union as one class, for LuaLS cannot tell its kinds apart: what not all of them have may be missing."""
    parts = [shape(cls) for cls in classes]
    found: dict[str, WireField] = {}
    for part in parts:
        for field in part.fields:
            known = found.setdefault(field.wire, replace(field, about=""))
            if known.kind != field.kind:
                found[field.wire] = replace(known, kind=_wider(known.kind, field.kind))
    everywhere = [{one.wire for one in part.fields if one.always} for part in parts]
    common = set.intersection(*everywhere)
    fields = [replace(one, required=one.wire in common, tag=False) for one in found.values()]
    tag = next(one.wire for one in parts[0].fields if one.tag) if any(one.tag for one in parts[0].fields) else ""
    about_it = f"Which of the fields are there depends on `{tag}`." if tag else "One of several answers."
    return Shape(name, about_it, tuple(fields))


def _wider(one: object, other: object) -> object:
    """The type of what is one of two words."""
    if enumeration(one) != enumeration(other):
        raise TypeError(f"a field is {one} in one class of a union, and {other} in another")
    return enumeration(one)


def _class(each: Shape) -> str:
    return "".join([_comment(each.about), f"---@class agent_lsp.{each.name}\n", *_lines(each.fields)])


def _lines(fields: Iterable[WireField]) -> Iterator[str]:
    for field in fields:
        mark = "" if field.always and not field.nullable else "?"
        line = f"---@field {field.wire}{mark} {_type(field.kind)}"
        whole = f"{line} {field.about}".rstrip()
        yield f"{whole}\n" if len(whole) <= _WIDTH else f"{_comment(field.about)}{line}\n"


def _type(kind: object) -> str:
    if inner := elements(kind):
        one = _type(inner)
        return f"({one})[]" if "|" in one else f"{one}[]"
    if literal := word(kind):
        return f"'{literal}'"
    if name := union_name(kind):
        return f"agent_lsp.{name}"
    if several := options(kind):
        return "|".join(map(_type, several))
    if kind == JsonObject:
        return "table"
    if not isinstance(kind, type):
        raise TypeError(f"Lua has no type for {kind}")
    return _SCALARS.get(kind, f"agent_lsp.{kind.__name__}")


def _comment(text: str) -> str:
    return "".join(f"--- {line}\n" for line in textwrap.wrap(text, _WIDTH - 4))
