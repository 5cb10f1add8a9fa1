"""Which model answers: from a name and what is at hand to a Model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_lsp.models import Model, NoModel, anthropic, openai_chat, openai_responses
from agent_lsp.models.bundled import BundledModel
from agent_lsp.models.bundled_file import installed
from agent_lsp.models.http import Endpoint
from agent_lsp.models.pricing import listed_window
from agent_lsp.models.scripted import ScriptedModel, read_script
from agent_lsp.models.wire_model import Wire, WireModel
from agent_lsp.processes import Processes


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a wire protocol is used with when the user says no more: an address, a model, and where the key goes."""

    wire: Wire
    base_url: str
    default_model: str
    key_variable: str


VENDORS = {
    vendor.wire.protocol: vendor
    for vendor in (
        Vendor(openai_chat.WIRE, "https://api.openai.com/v1", "gpt-5-mini", "OPENAI_API_KEY"),
        Vendor(openai_responses.WIRE, "https://api.openai.com/v1", "gpt-5-mini", "OPENAI_API_KEY"),
        Vendor(anthropic.WIRE, "https://api.anthropic.com", "claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
    )
}
_WINDOW = 128_000
_WAYS = (
    "no model is configured. Set ANTHROPIC_API_KEY or OPENAI_API_KEY; or name one in AGENT_LSP_MODEL, as"
    " openai-chat:MODEL with AGENT_LSP_BASE_URL for a local or other server; or run `agent-lsp model install` for the"
    " small bundled one"
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
        return f"openai-responses:{VENDORS['openai-responses'].default_model}"
    if access.anthropic_key:
        return f"anthropic:{VENDORS['anthropic'].default_model}"
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
        case _ if protocol in VENDORS:
            vendor = VENDORS[protocol]
            model = model or vendor.default_model
            window = access.context_window or listed_window(model) or _WINDOW
            return WireModel(vendor.wire, _endpoint(vendor, access), model, context_window=window)
        case _:
            names = ", ".join(f"{name}:MODEL" for name in VENDORS)
            raise NoModel(f"'{name}' is no model: write {names}, scripted:FILE or bundled")


def _endpoint(vendor: Vendor, access: Access) -> Endpoint:
    """Where to send, with the key that belongs there: a vendor's own variable is not for other addresses' keys."""
    url = access.base_url or vendor.base_url
    own = access.anthropic_key if vendor.key_variable == "ANTHROPIC_API_KEY" else access.openai_key
    key = access.key or own
    if url.rstrip("/") == vendor.base_url and not key:
        raise NoModel(f"{Endpoint(url, {}).host} wants a key: set {vendor.key_variable}, or AGENT_LSP_API_KEY")
    return Endpoint(url, _headers(vendor, key))


def _headers(vendor: Vendor, key: str) -> dict[str, str]:
    if vendor.wire is anthropic.WIRE:
        version = {"anthropic-version": anthropic.VERSION}
        return {**version, "x-api-key": key} if key else version
    return {"authorization": f"Bearer {key}"} if key else {}
