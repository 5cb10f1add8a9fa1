"""All settings: their names, types and bounds, and what each means."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

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
PREFIX = "AGENT_LSP_"


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
    try:
        return json.loads(value) if isinstance(value, str) else value
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


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
FIELDS = {field.alias or name: (name, field) for name, field in Settings.model_fields.items()}
"""Each setting by its name in files and editors: that of the attribute, and its field."""


def user_file() -> Path:
    """The user's own settings."""
    return platformdirs.user_config_path("agent-lsp") / "config.toml"


def variable(name: str) -> str:
    """A setting's name in the environment: `maxCostPerDay` → `AGENT_LSP_MAX_COST_PER_DAY`."""
    return PREFIX + "".join(f"_{char}" if char.isupper() else char.upper() for char in name)


def flag(name: str) -> str:
    """A setting's name on the command line: `maxCostPerDay` → `--max-cost-per-day`."""
    return "--" + "".join(f"-{char.lower()}" if char.isupper() else char for char in name)


def names() -> tuple[str, ...]:
    """The names of all settings, as files and editors write them."""
    return tuple(FIELDS)


def secret(value: SecretStr | None) -> str:
    """The text of a key, empty where there is none."""
    return value.get_secret_value() if value else ""


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for programs that are to know no key."""
    return {name: value for name, value in environment.items() if name not in KEY_VARIABLES}
