"""Which model answers: from a name and what is at hand to a Model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.models import Model, NoModel
from agent_lsp.models.bundled import BundledModel
from agent_lsp.models.bundled_file import installed
from agent_lsp.models.http import Endpoint
from agent_lsp.models.openai_chat import OpenAIChat
from agent_lsp.models.pricing import listed_window
from agent_lsp.models.scripted import ScriptedModel, read_script
from agent_lsp.processes import Processes

DEFAULT_OPENAI_MODEL = "gpt-5-mini"
OPENAI_URL = "https://api.openai.com/v1"
_WINDOW = 128_000
_WAYS = (
    "no model is configured. Name one in AGENT_LSP_MODEL, as openai-chat:MODEL with AGENT_LSP_BASE_URL for a local or"
    " other server, or set OPENAI_API_KEY, or run `agent-lsp model install` for the small bundled one"
)


@dataclass(frozen=True, slots=True)
class Access:
    """What is at hand to reach a model: the name the user gave, an address, keys, and the data folder.

    `context_window` is in tokens, None to go by the table of known models.
    """

    name: str | None
    base_url: str | None
    key: str
    openai_key: str
    anthropic_key: str
    context_window: int | None
    data_dir: Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the bundled model needs of the daemon: a folder for its socket, the workspace's files, processes."""

    state_dir: Path
    list_files: Callable[[], Awaitable[Sequence[str]]]
    processes: Processes


def chosen(access: Access) -> str:
    """`protocol:model` of the model that answers. Raises NoModel, naming the ways to get one."""
    if access.name:
        return access.name
    if access.openai_key and access.anthropic_key:
        raise NoModel("both OPENAI_API_KEY and ANTHROPIC_API_KEY are set: name a model in AGENT_LSP_MODEL")
    if access.base_url:
        raise NoModel(f"the server at {access.base_url} needs a model's name: set AGENT_LSP_MODEL=openai-chat:MODEL")
    if access.openai_key:
        return f"openai-chat:{DEFAULT_OPENAI_MODEL}"
    if installed(access.data_dir):
        return "bundled"
    raise NoModel(_WAYS)


def made(name: str, access: Access, around: Surroundings) -> Model:
    """The model of that name. Raises NoModel when there is none, or something of it is missing."""
    protocol, _, model = name.partition(":")
    match protocol:
        case "scripted":
            return ScriptedModel(read_script(Path(model)))
        case "bundled":
            file = installed(access.data_dir)
            if file is None:
                raise NoModel("the bundled model is not installed: run `agent-lsp model install`")
            return BundledModel(file, around.state_dir, around.list_files, around.processes)
        case "openai-chat" if model:
            window = access.context_window or listed_window(model) or _WINDOW
            return OpenAIChat(_endpoint(access), model, context_window=window)
        case _:
            raise NoModel(
                f"'{name}' is no model: write openai-chat:MODEL, scripted:FILE or bundled"
                " (anthropic and openai-responses are not spoken yet)"
            )


def _endpoint(access: Access) -> Endpoint:
    """Where to send, with the key that belongs there: OPENAI_API_KEY goes to OpenAI unless another key is set."""
    url = access.base_url or OPENAI_URL
    key = access.key or access.openai_key
    if url.rstrip("/") == OPENAI_URL and not key:
        raise NoModel("OpenAI wants a key: set OPENAI_API_KEY, or AGENT_LSP_BASE_URL for another server")
    return Endpoint(url, {"authorization": f"Bearer {key}"} if key else {})
