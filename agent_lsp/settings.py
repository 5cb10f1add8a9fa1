"""All settings: their names, where each may come from, and which source wins.

Defaults < the user's file < the editor < the environment < flags. *User keys* (what names a program, a URL, a
key or a path, loosens the preset or raises a limit) are taken from the user's file, the environment and flags
only, for what an editor says may come from the repository.
"""

from __future__ import annotations

import math
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from agent_lsp.conversation.actions import Limits
from agent_lsp.permissions import Preset

KEY_VARIABLES = ("AGENT_LSP_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")
_PREFIX = "AGENT_LSP_"
_OURS = {"AGENT_LSP_PROCESS"}
_CLIENT_OPTIONS = {"protocol", "events", "approvals", "renders", "trusted"}


class SettingsError(Exception):
    """A setting is wrong; the message names it, where it stands, and the remedy."""


class Source(StrEnum):
    """Where a setting comes from, the weakest first."""

    FILE = "the user's file"
    EDITOR = "the editor"
    ENVIRONMENT = "the environment"
    FLAGS = "the command line"


class Settings(BaseModel):
    """Every setting by its name in files and editors (camelCase there); seconds, USD, tokens and characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    base_url: str | None = Field(None, alias="baseUrl")
    api_key: SecretStr | None = Field(None, alias="apiKey")
    context_window: int | None = Field(None, alias="contextWindow", ge=2_048)
    preset: Preset = Preset.CONFIRM
    max_steps: int = Field(50, alias="maxSteps", ge=1)
    max_tool_calls: int = Field(200, alias="maxToolCalls", ge=0)
    max_tokens: int = Field(500_000, alias="maxTokens", ge=1)
    max_seconds: float = Field(1_800, alias="maxSeconds", gt=0)
    max_cost: float = Field(5.0, alias="maxCost", ge=0)
    max_cost_per_day: float = Field(25.0, alias="maxCostPerDay", ge=0)
    max_tokens_per_session: int = Field(sys.maxsize, alias="maxTokensPerSession", ge=1)
    max_cost_per_session: float = Field(math.inf, alias="maxCostPerSession", ge=0)
    approval_timeout_seconds: float = Field(600, alias="approvalTimeoutSeconds", gt=0)
    max_retries: int = Field(3, alias="maxRetries", ge=0, le=10)
    max_result_characters: int = Field(50_000, alias="maxResultCharacters", ge=1_000)
    state_dir: str | None = Field(None, alias="stateDir")

    @property
    def limits(self) -> Limits:
        return Limits(self.max_steps, self.max_tool_calls, self.max_tokens, self.max_seconds, self.max_cost)

    @property
    def session_limits(self) -> Limits:
        """The caps on all turns of a session together; by default there are none."""
        tokens, cost = self.max_tokens_per_session, self.max_cost_per_session
        return Limits(sys.maxsize, sys.maxsize, tokens, math.inf, cost)


DEFAULTS = Settings.model_validate({})

_LIMITS = {
    "maxSteps",
    "maxToolCalls",
    "maxTokens",
    "maxSeconds",
    "maxCost",
    "maxCostPerDay",
    "maxTokensPerSession",
    "maxCostPerSession",
    "maxRetries",
}
_USER_KEYS = {
    "baseUrl",
    "apiKey",
    "stateDir",
    "contextWindow",
    "approvalTimeoutSeconds",
    "maxResultCharacters",
}
_FIELDS = {field.alias or name: (name, field) for name, field in Settings.model_fields.items()}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and one line for each thing that was ignored on the way."""

    settings: Settings
    ignored: tuple[str, ...] = ()


def user_file() -> Path:
    """The user's own settings."""
    return platformdirs.user_config_path("agent-lsp") / "config.toml"


def load(
    environment: Mapping[str, str],
    *,
    editor: Mapping[str, Any] | None = None,  # Any: JSON from the editor
    flags: Mapping[str, Any] | None = None,  # Any: words of the command line
    file: Path | None = None,
) -> Loaded:
    """All sources merged; an editor's mistakes are ignored aloud. Raises SettingsError for the user's own."""
    values = _values(_from_file(file or user_file()), Source.FILE)
    values |= _values(_from_environment(environment), Source.ENVIRONMENT)
    values |= _values({name: value for name, value in (flags or {}).items() if value is not None}, Source.FLAGS)
    wished, ignored = _from_editor(editor or {}, values)
    strong = set(_from_environment(environment)) | {name for name, value in (flags or {}).items() if value is not None}
    merged = values | {name: value for name, value in wished.items() if name not in strong}
    return Loaded(Settings.model_validate(merged), tuple(ignored))


def variable(name: str) -> str:
    """A setting's name in the environment: `maxCostPerDay` → `AGENT_LSP_MAX_COST_PER_DAY`."""
    return _PREFIX + "".join(f"_{char}" if char.isupper() else char.upper() for char in name)


def flag(name: str) -> str:
    """A setting's name on the command line: `maxCostPerDay` → `--max-cost-per-day`."""
    return "--" + "".join(f"-{char.lower()}" if char.isupper() else char for char in name)


def names() -> tuple[str, ...]:
    """The names of all settings, as files and editors write them."""
    return tuple(_FIELDS)


def _from_file(file: Path) -> dict[str, Any]:  # Any: TOML
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    known = {variable(name): name for name in _FIELDS}
    found = {}
    for name, value in environment.items():
        if not name.startswith(_PREFIX) or name in _OURS:
            continue
        if name not in known:
            raise SettingsError(f"the environment has {name}, which is no setting.{_nearest(name, known)}")
        if value:
            found[known[name]] = value
    return found


def _values(raw: Mapping[str, Any], source: Source) -> dict[str, Any]:
    checked = {}
    for name, value in raw.items():
        if name not in _FIELDS:
            raise SettingsError(f"{source} has '{name}', which is no setting.{_nearest(name, _FIELDS)}")
        checked[name] = _checked(name, value, source)
    return checked


def _checked(name: str, value: Any, source: Source) -> Any:
    attribute, field = _FIELDS[name]
    try:
        one = Settings.model_validate({name: value})
    except ValidationError as error:
        wanted = ", ".join(Preset) if field.annotation is Preset else error.errors()[0]["msg"]
        shown = "not shown here" if field.annotation == SecretStr | None else repr(value)
        place = variable(name) if source is Source.ENVIRONMENT else f"'{name}' in {source}"
        raise SettingsError(f"{place} is {shown}, but should be: {wanted}") from None
    return getattr(one, attribute)


def _from_editor(raw: Mapping[str, Any], users: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What an editor may set: no user keys, and presets and limits only if they are tighter than the user's."""
    wished, ignored = {}, []
    for name, value in raw.items():
        if name in _CLIENT_OPTIONS or value is None:
            continue
        try:
            checked = _values({name: value}, Source.EDITOR)[name]
        except SettingsError as error:
            ignored.append(str(error))
            continue
        if reason := _loosens(name, checked, users):
            ignored.append(
                f"the editor's '{name}' is ignored: {reason}; set it in {user_file()} or as {variable(name)}"
            )
        else:
            wished[name] = checked
    return wished, ignored


def _loosens(name: str, value: Any, users: Mapping[str, Any]) -> str:
    in_force = users.get(name, _FIELDS[name][1].default)
    if name in _USER_KEYS or (name == "model" and str(value).startswith("scripted")):
        return "only the user may set it"
    if name == "preset" and value.looser_than(in_force):
        return f"'{value}' is looser than '{in_force}'"
    if name in _LIMITS and value > in_force:
        return f"{value:g} is more than {in_force:g}"
    return ""


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else f" Settings are: {', '.join(sorted(known))}"


def secret(value: SecretStr | None) -> str:
    """The text of a key, empty where there is none."""
    return value.get_secret_value() if value else ""
