"""All settings: their names, where each may come from, and which source wins.

Defaults < the user's file < the trusted project's file < the editor < the environment < flags. *User keys* (what
names a program, a URL, a key or a path, loosens the preset or raises a limit) are taken from the user's file, the
environment and flags only: a project's file comes from the repository, and what an editor says may come from there.
"""

from __future__ import annotations

import json
import math
import reprlib
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from agent_lsp.conversation.actions import Limits
from agent_lsp.models.http import Patience
from agent_lsp.models.local_servers import ADDRESSES
from agent_lsp.models.pricing import OwnPrice
from agent_lsp.permissions import Preset
from agent_lsp.permissions.rules import Rules, must_name_a_tool, parsed
from agent_lsp.permissions.web_rules import must_be_web_rule
from agent_lsp.tools.names import NAMES
from agent_lsp.web import WebRefused
from agent_lsp.web.location import canonical

KEY_VARIABLES = ("AGENT_LSP_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")
_PREFIX = "AGENT_LSP_"
_OURS = {"AGENT_LSP_PROCESS"}
_CLIENT_OPTIONS = {"protocol", "events", "approvals", "renders", "trusted"}


class SettingsError(Exception):
    """A setting is wrong; the message names it, where it stands, and the remedy."""


class Source(StrEnum):
    """Where a setting comes from, the weakest first."""

    FILE = "the user's file"
    PROJECT = "the project's file"
    EDITOR = "the editor"
    ENVIRONMENT = "the environment"
    FLAGS = "the command line"


def _from_json(value: object) -> object:
    """A table as the environment has it."""
    return json.loads(value) if isinstance(value, str) else value


def _from_words(value: object) -> object:
    """A list as the environment has it."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _from_rules(value: object) -> object:
    """A list of rules as the environment has it, whose patterns may hold blanks and commas."""
    try:
        return _from_json(value)
    except ValueError:
        raise ValueError('write a list: ["run_command(npm test)", "edit_file(docs/**)"]') from None


def _rules(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        must_name_a_tool(parsed(text), NAMES)
    return texts


def _web_rules(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        must_be_web_rule(text)
    return texts


Table = Annotated[dict[str, OwnPrice], BeforeValidator(_from_json)]


def _address(value: str) -> str:
    """An address of the web, in canonical form."""
    try:
        return canonical(value)
    except WebRefused as error:
        raise ValueError(str(error)) from error


Words = Annotated[tuple[str, ...], BeforeValidator(_from_words)]
WebTexts = Annotated[tuple[str, ...], BeforeValidator(_from_words), AfterValidator(_web_rules)]
RuleTexts = Annotated[tuple[str, ...], BeforeValidator(_from_rules), AfterValidator(_rules)]


class Settings(BaseModel):
    """Every setting by its name in files and editors (camelCase there); seconds, USD, tokens and characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    base_url: str | None = Field(None, alias="baseUrl")
    api_key: SecretStr | None = Field(None, alias="apiKey")
    api_key_command: str | None = Field(None, alias="apiKeyCommand")
    context_window: int | None = Field(None, alias="contextWindow", ge=2_048)
    prices: Table = Field({})
    local_servers: Words = Field(ADDRESSES, alias="localServers")
    connect_timeout_seconds: float = Field(Patience().connect, alias="connectTimeoutSeconds", gt=0)
    first_token_timeout_seconds: float = Field(Patience().first, alias="firstTokenTimeoutSeconds", gt=0)
    token_timeout_seconds: float = Field(Patience().between, alias="tokenTimeoutSeconds", gt=0)
    preset: Preset = Preset.CONFIRM
    deny: RuleTexts = ()
    ask: RuleTexts = ()
    allow: RuleTexts = ()
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
    checkpoint_days: float = Field(7, alias="checkpointDays", ge=0)
    checkpoint_megabytes: int = Field(500, alias="checkpointMegabytes", ge=0)
    search_url: Annotated[str, AfterValidator(_address)] | None = Field(None, alias="searchUrl")
    web_allow: WebTexts = Field((), alias="webAllow")
    web_deny: WebTexts = Field((), alias="webDeny")
    state_dir: str | None = Field(None, alias="stateDir")
    unsandboxed_commands: bool = Field(default=False, alias="unsandboxedCommands")
    sandbox_image: str | None = Field(None, alias="sandboxImage", min_length=1)

    @property
    def rules(self) -> Rules:
        """What is refused, asked about every time, and allowed without asking."""
        return Rules(*(tuple(map(parsed, texts)) for texts in (self.deny, self.ask, self.allow)))

    @property
    def limits(self) -> Limits:
        return Limits(self.max_steps, self.max_tool_calls, self.max_tokens, self.max_seconds, self.max_cost)

    @property
    def patience(self) -> Patience:
        return Patience(self.first_token_timeout_seconds, self.token_timeout_seconds, self.connect_timeout_seconds)

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
    "checkpointDays",
    "checkpointMegabytes",
}
_ADDED_TO = {"deny", "ask", "webDeny"}
"""Lists that only tighten: those of every source hold together."""
_USER_KEYS = {
    "allow",
    "baseUrl",
    "apiKey",
    "apiKeyCommand",
    "prices",
    "localServers",
    "connectTimeoutSeconds",
    "firstTokenTimeoutSeconds",
    "tokenTimeoutSeconds",
    "stateDir",
    "unsandboxedCommands",
    "sandboxImage",
    "searchUrl",
    "webAllow",
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
    projects: Mapping[str, bytes] | None = None,
    editor: Mapping[str, Any] | None = None,  # Any: JSON from the editor
    flags: Mapping[str, Any] | None = None,  # Any: words of the command line
    file: Path | None = None,
) -> Loaded:
    """All sources merged; mistakes of projects and editors are ignored aloud. Raises SettingsError for the user's own.

    `projects` are the settings files of the workspace by path: only those that the user trusts.
    """
    flagged = {name: value for name, value in (flags or {}).items() if value is not None}
    sources = [
        _values(_from_file(file or user_file()), Source.FILE),
        _values(_from_environment(environment), Source.ENVIRONMENT),
        _values(flagged, Source.FLAGS),
    ]
    values = {name: value for source in sources for name, value in source.items()}
    strong = set(_from_environment(environment)) | set(flagged)
    merged, ignored = dict(values), list[str]()
    for source, place, raw in [*_from_projects(projects or {}, ignored), (Source.EDITOR, "the editor", editor or {})]:
        wished, loosening = _tightening(raw, source, place, merged)
        ignored += loosening
        sources.append(wished)
        merged |= {name: value for name, value in wished.items() if name not in strong}
    for name in _ADDED_TO:
        merged[name] = tuple(dict.fromkeys(rule for source in sources for rule in source.get(name, ())))
    return Loaded(Settings.model_validate(merged), tuple(ignored))


def problems_of_project(environment: Mapping[str, str], path: str, data: bytes) -> tuple[str, ...]:
    """What would be ignored of a project's file if it were trusted, a line each. Raises SettingsError."""
    return load(environment, projects={path: data}).ignored


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
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
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


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 1_000
"""How a value that is wrong is told: however deep or long it is."""


def _checked(name: str, value: Any, source: Source) -> Any:
    attribute, field = _FIELDS[name]
    try:
        one = Settings.model_validate({name: value})
    except ValidationError as error:
        wanted = f"but should be: {', '.join(Preset)}" if field.annotation is Preset else _wanted(error)
        shown = "not shown here" if field.annotation == SecretStr | None else _SHORT.repr(value)
        place = variable(name) if source is Source.ENVIRONMENT else f"'{name}' in {source}"
        raise SettingsError(f"{place} is {shown}, {wanted}") from None
    return getattr(one, attribute)


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
    "greater_than_equal": "at least {ge:,.12g}",
    "greater_than": "more than {gt:,.12g}",
    "less_than_equal": "at most {le:,.12g}",
    "missing": "there, and is missing",
    "extra_forbidden": "left out, for there is no such name",
}
"""What is said of a value by the type of pydantic's error; `{…}` is of its context."""


def _from_projects(
    files: Mapping[str, bytes], ignored: list[str]
) -> list[tuple[Source, str, dict[str, Any]]]:  # Any: TOML
    """Each project's file as it stands; one that is none is ignored as a whole, for it is not the user's mistake."""
    found = []
    for path, data in files.items():
        try:
            found.append((Source.PROJECT, path, tomllib.loads(data.decode("utf-8"))))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            ignored.append(f"{path} is ignored, for it is not TOML: {error}")
    return found


def _tightening(
    raw: Mapping[str, Any],  # Any: unchecked
    source: Source,
    place: str,
    in_force: Mapping[str, Any],  # Any: checked values
) -> tuple[dict[str, Any], list[str]]:
    """What a repository may set: no user keys, and presets and limits only if they are tighter than those in force."""
    wished, ignored = {}, []
    for name, value in raw.items():
        if value is None or (source is Source.EDITOR and name in _CLIENT_OPTIONS):
            continue
        pieces = [[one] for one in value] if name in _ADDED_TO and isinstance(value, list) else [value]
        found = []
        for piece in pieces:  # a wrong rule is no reason to drop its neighbours, which make things stricter
            try:
                found.append(_values({name: piece}, source)[name])
            except SettingsError as error:
                ignored.append(f"{place}: {error}" if source is Source.PROJECT else str(error))
        if not found:
            continue
        checked = tuple(chain.from_iterable(found)) if len(found) > 1 else found[0]
        if reason := _loosens(name, checked, in_force):
            whose = "the editor's" if source is Source.EDITOR else f"{place}:"
            ignored.append(f"{whose} '{name}' is ignored: {reason}; set it in {user_file()} or as {variable(name)}")
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


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for programs that are to know no key."""
    return {name: value for name, value in environment.items() if name not in KEY_VARIABLES}
