"""All settings, a row each: name, type, default, bounds, who may set it, unit and text."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from agent_lsp.conversation.actions import Limits
from agent_lsp.models.local_servers import ADDRESSES
from agent_lsp.models.wire.http import Patience
from agent_lsp.permissions import Preset
from agent_lsp.permissions.rules import Rules, parsed
from agent_lsp.settings.row import Tighter, Who, rows_of, setting
from agent_lsp.settings.values import PriceTable, RuleTexts, WebAddress, WebTexts, Words

KEY_VARIABLES = ("AGENT_LSP_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")


class SettingsError(Exception):
    """A setting is wrong; the message names it, where it stands, and the remedy."""


class Source(StrEnum):
    """Where a setting comes from, the weakest first."""

    FILE = "the user's file"
    PROJECT = "the project's file"
    EDITOR = "the editor"
    ENVIRONMENT = "the environment"
    FLAGS = "the command line"


class Settings(BaseModel):
    """Every setting, a row each. To add one, add a row and run `scripts/generate`.

    Its name in files and editors is the attribute's in camelCase. A field that is not a whole row fails at import.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    model: str | None = setting(
        None,
        who=Who.ANYONE,
        reserved="scripted",
        flag=True,
        text="The model that answers, as `protocol:model`: for instance `anthropic:claude-sonnet-5-5`,"
        " `openai-responses:gpt-6.1-terra`, or `openai-chat:MODEL` with `baseUrl`. If it is not set, the key or server"
        " that is found decides.",
    )
    base_url: str | None = setting(
        None,
        who=Who.USER,
        flag=True,
        text="The address of the model's server, for instance `http://localhost:8080/v1`.",
    )
    api_key: SecretStr | None = setting(
        None,
        who=Who.USER,
        flag=False,
        text="The key of the model's provider, or `keyring:SERVICE/USER` for one in the system's keyring. VS Code keeps"
        " it in its secret storage, never in a settings file (*Agent: Set API Key…*).",
    )
    api_key_command: str | None = setting(
        None,
        who=Who.USER,
        flag=True,
        text="A shell line that prints the key, for instance `pass show anthropic`. It runs when a key is first needed,"
        " and again when the key was refused.",
    )
    context_window: int | None = setting(
        None,
        who=Who.USER,
        unit="tokens",
        flag=True,
        text="How much the model can read, if no table knows the model.",
        ge=2_048,
    )
    prices: PriceTable = setting(
        {},
        who=Who.USER,
        unit="USD for a million tokens",
        flag=False,
        text="Your own prices by model, which go before the list: `input` and `output`, perhaps also"
        " `cacheRead, cacheWrite, contextWindow` (the last in tokens).",
    )
    local_servers: Words = setting(
        ADDRESSES,
        who=Who.USER,
        flag=True,
        text="Addresses where a model server of this machine is looked for when nothing else leads to a model.",
    )
    connect_timeout_seconds: float = setting(
        Patience().connect,
        who=Who.USER,
        unit="seconds",
        flag=True,
        text="How long a provider may take until it is connected.",
        gt=0,
    )
    first_token_timeout_seconds: float = setting(
        Patience().first,
        who=Who.USER,
        unit="seconds",
        flag=True,
        text="How long a provider may take until its answer begins.",
        gt=0,
    )
    token_timeout_seconds: float = setting(
        Patience().between,
        who=Who.USER,
        unit="seconds",
        flag=True,
        text="How long a provider may pause in its answer.",
        gt=0,
    )
    preset: Preset = setting(
        Preset.CONFIRM,
        who=Who.TIGHTEN,
        tighter=Tighter.EARLIER,
        flag=True,
        text="What the agent may do without a question.",
        values={
            Preset.PLAN: "Nothing is changed. Only commands run that can change nothing at all.",
            Preset.CONFIRM: "Every change and every command asks first, except commands that only read, in a working"
            " sandbox.",
            Preset.EDITS: "Edits in the workspace pass, except of protected files. Everything else asks as in"
            " `confirm`.",
            Preset.AUTO: "What stays inside a working sandbox passes. Without a working sandbox no turn starts.",
        },
    )
    deny: RuleTexts = setting(
        (),
        who=Who.ADD,
        flag=True,
        text='A list of rules for what is refused, as `["edit_file(docs/**)"]`. They go before `ask` and `allow`. A'
        " folder covers everything in it.",
    )
    ask: RuleTexts = setting(
        (),
        who=Who.ADD,
        flag=True,
        text='A list of rules for what asks every time, as `["delete_file"]`. They go before `allow`. A folder covers'
        " everything in it. For a tool that only reads, such a rule refuses.",
    )
    allow: RuleTexts = setting(
        (),
        who=Who.USER,
        flag=True,
        text='A list of rules for what needs no question, as `["run_command(npm test)"]`.',
    )
    max_steps: int = setting(
        50,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="requests",
        flag=True,
        text="The most requests to the model in one turn.",
        ge=1,
    )
    max_tool_calls: int = setting(
        200,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="calls",
        flag=True,
        text="The most tool calls in one turn.",
        ge=0,
    )
    max_tokens: int = setting(
        500_000,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="tokens",
        flag=True,
        text="The most tokens in one turn, in and out.",
        ge=1,
    )
    max_seconds: float = setting(
        1_800,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="seconds",
        flag=True,
        text="The most time for one turn. Waiting for you does not count.",
        gt=0,
    )
    max_cost: float = setting(
        5.0,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="USD",
        flag=True,
        text="The most that one turn may cost, by list price. Models without a known price are limited by tokens only.",
        ge=0,
    )
    max_cost_per_day: float = setting(
        25.0,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="USD",
        flag=True,
        text="The most that all sessions of a day may cost, across all daemons of yours.",
        ge=0,
    )
    max_tokens_per_session: int = setting(
        sys.maxsize,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="tokens",
        flag=True,
        text="The most tokens of all turns of a session, in and out.",
        ge=1,
    )
    max_cost_per_session: float = setting(
        math.inf,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="USD",
        flag=True,
        text="The most that all turns of a session may cost.",
        ge=0,
    )
    approval_timeout_seconds: float = setting(
        600,
        who=Who.USER,
        unit="seconds",
        flag=True,
        text="How long a question waits. Then it counts as not answered, and nothing is done.",
        gt=0,
    )
    max_retries: int = setting(
        3,
        who=Who.TIGHTEN,
        tighter=Tighter.LOWER,
        unit="retries",
        flag=True,
        text="How often a request to the model is sent again, while nothing of its answer was shown.",
        ge=0,
        le=10,
    )
    max_result_characters: int = setting(
        50_000,
        who=Who.USER,
        unit="characters",
        flag=True,
        text="How much of one tool result the model is shown; at most a quarter of its window.",
        ge=1_000,
    )
    checkpoint_days: float = setting(
        7,
        who=Who.USER,
        unit="days",
        flag=True,
        text="How long copies of changed files are kept for undo. While a daemon runs, the copies of each session's"
        " last five turns are always kept.",
        ge=0,
    )
    checkpoint_megabytes: int = setting(
        500,
        who=Who.USER,
        unit="megabytes",
        flag=True,
        text="How much space the copies of changed files may take. While a daemon runs, the copies of each session's"
        " last five turns are always kept.",
        ge=0,
    )
    search_url: WebAddress | None = setting(
        None,
        who=Who.USER,
        flag=True,
        text="The address of a SearXNG instance's search, or of what answers as that does. If it is not set, DuckDuckGo"
        " is asked.",
    )
    web_allow: WebTexts = setting(
        (),
        who=Who.USER,
        flag=True,
        text="Pages that are fetched without a question: a host, perhaps with a path, as `docs.python.org/3`. Only"
        " `https` pages without a query are covered.",
    )
    web_deny: WebTexts = setting(
        (),
        who=Who.ADD,
        flag=True,
        text="Pages that are never fetched: a host, perhaps with a path, as `example.org/private`.",
    )
    state_dir: str | None = setting(
        None,
        who=Who.USER,
        flag=True,
        text="The folder of the journal, the log and the copies for undo. If it is not set, it lies in your own state"
        " folder.",
    )
    unsandboxed_commands: bool = setting(
        default=False,
        who=Who.USER,
        flag=False,
        text="Whether commands may run where no sandbox works. Each of them asks.",
    )
    sandbox_image: str | None = setting(
        None,
        who=Who.USER,
        flag=True,
        text="Run commands in a container of this image, by Docker or Podman. The image needs `sh`, `timeout` and"
        " `python3`.",
        min_length=1,
    )

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
ROWS = rows_of(Settings)
"""Each setting's row by its name in files and editors."""


def user_file() -> Path:
    """The user's own settings."""
    return platformdirs.user_config_path("agent-lsp") / "config.toml"


def secret(value: SecretStr | None) -> str:
    """The text of a key, empty where there is none."""
    return value.get_secret_value() if value else ""


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for programs that are to know no key."""
    return {name: value for name, value in environment.items() if name not in KEY_VARIABLES}
