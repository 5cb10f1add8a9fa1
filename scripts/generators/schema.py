"""The JSON schema of each setting, as plain as its type allows."""

from __future__ import annotations

from pydantic import JsonValue

from agent_lsp.settings.settings import Settings

Schema = dict[str, JsonValue]
_WHOLE = Settings.model_json_schema()
_TOLD_ELSEWHERE = {"title", "description", "default", "format", "writeOnly"}


def schema(name: str) -> Schema:
    """Return a setting's schema: no references, titles, defaults, and no null where it may be left out."""
    found = _plain(_part(_WHOLE, "properties")[name])
    if not isinstance(found, dict):
        raise TypeError(f"the schema of {name} is {found}")
    return found


def _plain(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        return _plain(_part(_WHOLE, "$defs")[reference.rpartition("/")[2]])
    if isinstance(choices := value.get("anyOf"), list):
        [only] = [choice for choice in choices if choice != {"type": "null"}]
        return _plain(only)
    if isinstance(properties := value.get("properties"), dict):
        plain: JsonValue = {name: _plain(one) for name, one in properties.items()}
        rest = {key: one for key, one in value.items() if key not in {*_TOLD_ELSEWHERE, "properties"}}
        return {"type": "object", "properties": plain, **rest}
    return {key: _plain(one) for key, one in value.items() if key not in _TOLD_ELSEWHERE}


def _part(whole: Schema, key: str) -> Schema:
    part = whole[key]
    if not isinstance(part, dict):
        raise TypeError(f"'{key}' of the schema is {part}")
    return part
