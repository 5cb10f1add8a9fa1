"""Whether a value may be a setting's, and what is said of one that may not."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from agent_lsp.permissions import Preset
from agent_lsp.settings.row import variable
from agent_lsp.settings.settings import ROWS, Settings, SettingsError, Source


def checked(raw: Mapping[str, Any], source: Source) -> dict[str, Any]:  # Any: each of its own type
    """What a source sets, by its name, each value of its setting's type. Raises SettingsError."""
    found = {}
    for name, value in raw.items():
        if name not in ROWS:
            raise SettingsError(f"{source} has '{name}', which is not a setting.{nearest(name, ROWS)}")
        found[name] = _checked(name, value, source)
    return found


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 1_000
"""How a value that is wrong is told: however deep or long it is."""


def _checked(name: str, value: Any, source: Source) -> Any:
    row = ROWS[name]
    try:
        found = getattr(Settings.model_validate({name: value}), row.attribute)
    except ValidationError as error:
        wanted = f"but should be: {', '.join(Preset)}" if row.field.annotation is Preset else _wanted(error)
    else:
        if isinstance(found, int) and found > sys.maxsize:
            wanted = f"but should be: at most {sys.maxsize:,}"
        elif not isinstance(value, bool) or isinstance(found, bool):
            return found
        else:
            wanted = "but should be: a number"  # as which pydantic takes it
    shown = "not shown here" if row.secret else _shown(value)
    place = variable(name) if source is Source.ENVIRONMENT else f"'{name}' in {source}"
    raise SettingsError(f"{place} is {shown}, {wanted}")


def _shown(value: Any) -> str:  # Any: whatever a source holds
    try:
        return _SHORT.repr(value)
    except ValueError:  # a number of more digits than Python writes, as TOML may have in hex
        return "too long to be shown"


def _wanted(error: ValidationError) -> str:
    """What a value should be, with the place inside it where that is not so."""
    first = error.errors()[0]
    inside = "".join(f"{part}: " for part in [".".join(map(str, first["loc"][1:]))] if part)
    bounds = first.get("ctx", {})
    if first["type"] == "value_error":
        return f"which cannot be used: {inside}{bounds['error']}"
    said = _SHOULD_BE.get(first["type"], "")
    return f"but should be: {inside}{said.format(**bounds) if said else first['msg']}"


_SHOULD_BE = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("tuple_type", "list_type"), 'a list, as ["…", "…"]'),
    **dict.fromkeys(("dict_type", "model_type"), "a table"),
    "string_type": 'a text, as "…"',
    "string_too_short": "not empty",
    "greater_than_equal": "at least {ge:,.12g}",
    "greater_than": "more than {gt:,.12g}",
    "less_than_equal": "at most {le:,.12g}",
    "missing": "there, and is missing",
    "extra_forbidden": "left out, for there is no such name",
}
"""What is said of a value by the type of pydantic's error; `{…}` is of its context."""


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name that is not known, in words; else all that are."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else f" Settings are: {', '.join(sorted(known))}"
