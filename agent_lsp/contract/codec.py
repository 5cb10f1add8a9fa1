"""JSON of the contract's values, and values of JSON.

Names are camelCase on the wire. A field that has a default is left out when it has that value; a field without one, and
one that tells kinds apart, is always written. Unknown fields are ignored, and so are unknown kinds in a list.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

Json = dict[str, Any]  # Any: a JSON tree
Value = TypeVar("Value")


class FieldPlace(Enum):
    """Where a field's own fields are written."""

    INLINED = "beside the fields of the value that holds it"


INLINED = FieldPlace.INLINED


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The smallest number that a field may have."""

    number: int


JsonObject = Mapping[str, Any]  # Any: JSON of LSP, not of this contract
Natural = Annotated[int, AtLeast(0)]


class InvalidParams(Exception):
    """Params are not of the contract's shape; the message names the field."""


@dataclass(frozen=True, slots=True)
class WireField:
    """A field of a contract's class: its `kind` is the annotation without None, `about` its description."""

    name: str
    wire: str
    kind: Any  # Any: what annotations are made of
    nullable: bool
    required: bool
    default: object
    tag: bool
    inlined: bool
    about: str = ""
    least: int | None = None

    @property
    def always(self) -> bool:
        """Whether it is written whatever its value is."""
        return self.required or self.tag


@cache
def wire_fields(cls: type) -> tuple[WireField, ...]:
    """The fields of a class of the contract, in their order on the wire."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(_field(one.name, hints[one.name], one.default) for one in fields(cls))


def encode(value: object) -> Any:  # Any: JSON of the value's shape
    """The JSON of a value of the contract."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [encode(one) for one in value]
    if isinstance(value, Mapping):
        return dict(value)
    made: Json = {}
    _write(made, value)
    return made


def parse(cls: type[Value], raw: object, place: str = "") -> Value:
    """The value that JSON stands for; null is an object without fields. Raises InvalidParams, naming the field."""
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        raise InvalidParams(f"{place.removesuffix('.') or 'params'} should be an object")
    shape: type = cls
    return cls(**{one.name: _read_field(one, raw, place) for one in wire_fields(shape) if _told(one, raw)})


def alternatives(kind: object) -> tuple[type, ...]:
    """The classes of a union, or the one class; empty for what has no class of the contract."""
    options = get_args(kind) if get_origin(kind) in {Union, types.UnionType} else (kind,)
    return options if all(is_dataclass(option) for option in options) else ()


_PLAIN = {str, int, float, bool}
_WORDS = {str: "a string", bool: "true or false", int: "a whole number", float: "a number", list: "a list"}


def _write(made: Json, value: Any) -> None:  # Any: one of the contract's classes
    shape: type = type(value)
    for name, wire, inlined, always, default in _plan(shape):
        one = getattr(value, name)
        if inlined:
            _write(made, one)
        elif always or one != default:
            made[wire] = one if type(one) in _PLAIN else encode(one)


@cache
def _plan(cls: type) -> tuple[tuple[str, str, bool, bool, object], ...]:
    """What writing takes of the fields: deltas are written thousands of times."""
    return tuple((one.name, one.wire, one.inlined, one.always, one.default) for one in wire_fields(cls))


def _field(name: str, hint: Any, default: object) -> WireField:  # Any: an annotation
    marks: tuple[object, ...] = ()
    while get_origin(hint) is Annotated:
        hint, marks = hint.__origin__, (*hint.__metadata__, *marks)
    options = get_args(hint) if get_origin(hint) in {Union, types.UnionType} else ()
    kept = tuple(option for option in options if option is not types.NoneType)
    if len(kept) < len(options):
        hint = Union[kept]  # noqa: UP007 - made of a tuple
    if get_origin(hint) is Annotated:
        hint, marks = hint.__origin__, (*hint.__metadata__, *marks)
    return WireField(
        name,
        wire=re.sub(r"_(\w)", lambda match: match[1].upper(), name),
        kind=hint,
        nullable=len(kept) < len(options),
        required=default is MISSING,
        default=default,
        tag=get_origin(hint) is Literal,
        inlined=INLINED in marks,
        about=next((mark for mark in marks if isinstance(mark, str)), ""),
        least=next((mark.number for mark in marks if isinstance(mark, AtLeast)), None),
    )


def _told(field: WireField, raw: Mapping[str, object]) -> bool:
    return field.inlined or field.required or raw.get(field.wire) is not None


def _read_field(field: WireField, raw: Mapping[str, object], place: str) -> object:
    if field.inlined:
        return _read(field.kind, raw, place)
    value, where = raw.get(field.wire), f"{place}{field.wire}"
    if value is None:
        if field.nullable:
            return None
        raise InvalidParams(f"{where} is missing")
    read = _read(field.kind, value, where)
    if field.least is not None and isinstance(read, int) and read < field.least:
        raise InvalidParams(f"{where} should be at least {field.least}, not {read}")
    return read


def _read(kind: Any, raw: object, where: str) -> object:  # Any: an annotation
    if options := alternatives(kind):
        return parse(_fitting(options, raw, where), raw, f"{where}." if where and where[-1] != "." else where)
    origin = get_origin(kind)
    if origin is tuple:
        return _read_list(get_args(kind)[0], raw, where)
    if origin in {Union, types.UnionType}:
        return raw if type(raw) in get_args(kind) else _refuse(where, " or ".join(map(_word, get_args(kind))), raw)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return raw if isinstance(raw, Mapping) else _refuse(where, "an object", raw)
    if origin is Literal or issubclass(kind, StrEnum):
        words = _words(kind)
        return next((word for word in words if word == raw), None) or _refuse(where, f"one of {', '.join(words)}", raw)
    fits = type(raw) is kind or (kind is float and type(raw) is int)
    return raw if fits else _refuse(where, _word(kind), raw)


def _read_list(kind: Any, raw: object, where: str) -> tuple[object, ...]:  # Any: an annotation
    if not isinstance(raw, list):
        _refuse(where, "a list", raw)
    known = [one for one in raw if _known(kind, one)]
    return tuple(_read(kind, one, where) for one in known)


def _known(kind: Any, raw: object) -> bool:  # Any: an annotation
    """Whether this version knows what a list has there: a kind or word of a later one is passed over."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return not isinstance(raw, str) or raw in set(kind)
    options = alternatives(kind)
    return len(options) < 2 or not isinstance(raw, Mapping) or any(_fits(one, raw) for one in options)


def _fitting(options: tuple[type, ...], raw: object, where: str) -> type:
    if len(options) == 1 or not isinstance(raw, Mapping):
        return options[0]
    found = next((one for one in options if _fits(one, raw)), None)
    return found or _refuse(where.removesuffix(".") or "params", "of a known kind", raw)


def _fits(cls: type, raw: Mapping[str, object]) -> bool:
    """Whether an object is of a class among others: by what tells kinds apart, and by the fields that must be there."""
    told = (field for field in wire_fields(cls) if not field.inlined)
    return all(raw.get(one.wire) == one.default if one.tag else not one.required or one.wire in raw for one in told)


def _refuse(where: str, wanted: str, raw: object) -> NoReturn:
    raise InvalidParams(f"{where} should be {wanted}, not {raw!r:.80}")


def _words(kind: Any) -> list[str]:  # Any: an enumeration, or an annotation with some of its words
    told = get_args(kind)
    return list(told) if told else list(kind)


def _word(kind: type) -> str:
    return _WORDS[kind]
