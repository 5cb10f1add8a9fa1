"""docs/protocol.schema.json: the contract as a JSON Schema."""

from __future__ import annotations

import json
from typing import Any

from agent_lsp import PROTOCOL
from agent_lsp.contract.codec import JsonObject, WireField
from agent_lsp.contract.methods import METHODS
from scripts.generators.contract_model import (
    HEAD,
    Shape,
    about,
    elements,
    enumerations,
    options,
    shapes,
    union_name,
    unions,
    word,
)

Json = dict[str, Any]  # Any: a JSON tree
_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def schema(_: str) -> str:
    """Return the file's text."""
    return f"{json.dumps(_whole(), indent=2, ensure_ascii=False)}\n"


def _whole() -> Json:
    enums = {one.__name__: {"description": about(one), "enum": [word.value for word in one]} for one in enumerations()}
    classes = {shape.name: _class(shape) for shape in shapes()}
    alternatives = {name: {"anyOf": [_reference(one.__name__) for one in kinds]} for name, kinds in unions().items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"The public contract of agent-lsp, protocol {PROTOCOL}",
        "description": f"{HEAD} The params and the answer of a method are under its name in `methods`.",
        "methods": {name: _method(method.params, method.answer) for name, method in METHODS.items()},
        "$defs": {**enums, **classes, **alternatives},
    }


def _method(params: type, answer: object) -> Json:
    shown = {"params": _reference(params.__name__)}
    return shown if answer is None else {**shown, "answer": _type(answer)}


def _class(shape: Shape) -> Json:
    made: Json = {
        "description": shape.about,
        "type": "object",
        "properties": {field.wire: _field(field) for field in shape.fields},
        "required": [field.wire for field in shape.fields if field.always],
    }
    return {**made, "allOf": [_reference(shape.beside)]} if shape.beside else made


def _field(field: WireField) -> Json:
    made = _type(field.kind)
    if field.least is not None:
        made = {**made, "minimum": field.least}
    if field.nullable and field.required:
        made = {"anyOf": [made, {"type": "null"}]}
    return {**made, "description": field.about} if field.about else made


def _type(kind: object) -> Json:
    if inner := elements(kind):
        return {"type": "array", "items": _type(inner)}
    if literal := word(kind):
        return {"const": literal}
    if name := union_name(kind):
        return _reference(name)
    if several := options(kind):
        return {"anyOf": [_type(one) for one in several]}
    if kind == JsonObject:
        return {"type": "object"}
    if not isinstance(kind, type):
        raise TypeError(f"JSON Schema has no type for {kind}")
    return {"type": _SCALARS[kind]} if kind in _SCALARS else _reference(kind.__name__)


def _reference(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}
