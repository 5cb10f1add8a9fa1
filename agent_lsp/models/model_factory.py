"""Which model answers: from a name and what is at hand to a Model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent_lsp.models import Model, NoModel
from agent_lsp.models.bundled.bundled import BundledModel
from agent_lsp.models.bundled.download import installed
from agent_lsp.models.keys import KEYRING, FetchKey, KeyedModel, from_command, from_keyring
from agent_lsp.models.local_servers import LocalServer
from agent_lsp.models.pricing import OwnPrice, Price, listed_window, price_of
from agent_lsp.models.scripted import ScriptedModel, read_script
from agent_lsp.models.wire import anthropic, openai_chat, openai_responses
from agent_lsp.models.wire.http import Endpoint, Patience
from agent_lsp.models.wire.wire_model import Wire, WireModel
from agent_lsp.processes.run import Processes


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
        Vendor(openai_chat.WIRE, "https://api.openai.com/v1", "gpt-6.1-terra", "OPENAI_API_KEY"),
        Vendor(openai_responses.WIRE, "https://api.openai.com/v1", "gpt-6.1-terra", "OPENAI_API_KEY"),
        Vendor(anthropic.WIRE, "https://api.anthropic.com", "claude-sonnet-5-5", "ANTHROPIC_API_KEY"),
    )
}
_WINDOW = 128_000
_NAMED = "name another model in AGENT_LSP_MODEL (`bundled` is the small one)"
_WAYS = (
    "no model is configured. Set ANTHROPIC_API_KEY or OPENAI_API_KEY; or name one in AGENT_LSP_MODEL, as"
    " openai-chat:MODEL with AGENT_LSP_BASE_URL for a local or other server; or run `agent-lsp model install` for the"
    " small bundled one"
)


@dataclass(frozen=True, slots=True)
class Access:
    """What is at hand to reach a model: the name the user gave, an address, keys, and the data folder.

    `key_command` is a shell line that prints the key. `context_window` is in tokens, None to go by the tables of known
    models, of which `prices` is the user's own. Of servers on this machine, `local` was found and the user allows it,
    `refused` was found and is not allowed, and `gone` is the address of one that is allowed but does not answer.
    """

    data_dir: Path
    name: str | None = None
    base_url: str | None = None
    key: str = field(default="", repr=False)
    key_command: str = field(default="", repr=False)
    openai_key: str = field(default="", repr=False)
    anthropic_key: str = field(default="", repr=False)
    context_window: int | None = None
    prices: Mapping[str, OwnPrice] = field(default_factory=dict)
    patience: Patience = Patience()
    local: LocalServer | None = None
    refused: LocalServer | None = None
    gone: str = ""

    @property
    def says_nothing(self) -> bool:
        """Whether nothing that the user has set leads to a model."""
        keys = (self.key, self.key_command, self.openai_key, self.anthropic_key)
        return not any((self.name, self.base_url, *keys))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What models need of the daemon: a folder for a socket, the workspace's files, processes and their environment."""

    state_dir: Path
    list_files: Callable[[], Awaitable[Sequence[str]]]
    processes: Processes
    environment: Mapping[str, str]
    keep_secret: Callable[[str], None] = lambda _: None
    """Is told each key that is fetched."""


def chosen(access: Access) -> str:
    """`protocol:model` of the model that answers. Raises NoModel, naming the ways to get one."""
    if access.name:
        return access.name
    if access.openai_key and access.anthropic_key:
        raise NoModel("both OPENAI_API_KEY and ANTHROPIC_API_KEY are set: name a model in AGENT_LSP_MODEL")
    if access.base_url:
        raise NoModel(f"the server at {access.base_url} needs a model's name: set AGENT_LSP_MODEL=openai-chat:MODEL")
    if access.key or access.key_command:
        setting = "AGENT_LSP_API_KEY" if access.key else "apiKeyCommand"
        raise NoModel(f"{setting} has a key, but for whom? Name a model in AGENT_LSP_MODEL, as anthropic:MODEL")
    if access.openai_key:
        return f"openai-responses:{VENDORS['openai-responses'].default_model}"
    if access.anthropic_key:
        return f"anthropic:{VENDORS['anthropic'].default_model}"
    return _without_a_word(access)


def _without_a_word(access: Access) -> str:
    """What answers where the user has set nothing."""
    if access.local:
        return f"{openai_chat.WIRE.protocol}:{access.local.model}"
    if access.gone:
        raise NoModel(f"the model server at {access.gone} that you allowed does not answer: start it, or {_NAMED}")
    if installed(access.data_dir):
        return "bundled"
    if access.refused:
        model, url = access.refused.model, access.refused.base_url
        use = f"AGENT_LSP_MODEL=openai-chat:{model} with AGENT_LSP_BASE_URL={url} uses it all the same"
        raise NoModel(f"{access.refused.program} at {url} was found, but is not allowed ({use}), and {_WAYS}")
    raise NoModel(_WAYS)


def priced(name: str, access: Access) -> Price:
    """What a model costs: by the user's own table, else by list; what runs on a server found here is free."""
    protocol, _, model = name.partition(":")
    known = VENDORS.get(protocol)
    price = price_of(protocol, model or (known.default_model if known else ""), access.prices)
    return replace(price, free=price.free or (access.local is not None and price.own is None))


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
            return _over_http(vendor, model or vendor.default_model, access, around)
        case _:
            names = ", ".join(f"{name}:MODEL" for name in VENDORS)
            raise NoModel(f"'{name}' is no model: write {names}, scripted:FILE or bundled")


def _over_http(vendor: Vendor, model: str, access: Access, around: Surroundings) -> Model:
    price = priced(f"{vendor.wire.protocol}:{model}", access)
    window = access.context_window or price.own_window or listed_window(model) or _WINDOW
    note = f"{model}, the default here, costs {price.words}; AGENT_LSP_MODEL names another"

    def behind(endpoint: Endpoint) -> WireModel:
        return WireModel(
            vendor.wire,
            endpoint,
            model,
            context_window=window,
            patience=access.patience,
            note=note if access.name is None and access.local is None else "",
        )

    if fetch := fetched_key(access, around):
        keyless = behind(Endpoint(_url(vendor, access), {}))
        return KeyedModel(
            keyless, lambda key: behind(endpoint_of(vendor, replace(access, key=key))), _keeping(fetch, around)
        )
    return behind(endpoint_of(vendor, access))


def _keeping(fetch: FetchKey, around: Surroundings) -> FetchKey:
    async def fetched() -> str:
        key = await fetch()
        around.keep_secret(key)
        return key

    return fetched


def fetched_key(access: Access, around: Surroundings) -> FetchKey | None:
    """How the key is got where it is not at hand; None where it is."""
    if access.key.startswith(KEYRING):
        return from_keyring(access.key.removeprefix(KEYRING))
    if access.key_command and not access.key:
        return from_command(access.key_command, around.processes, around.environment)
    return None


def endpoint_of(vendor: Vendor, access: Access) -> Endpoint:
    """Where to send, with the key that goes there. Raises NoModel where a vendor's own address has none.

    A vendor's own variable goes along to an address that the user set, and never to a server that was only found.
    """
    url = _url(vendor, access)
    if not url.startswith(("http://", "https://")):
        raise NoModel(f"the base URL '{url}' is no address: write it as http://HOST:PORT/v1")
    own = access.anthropic_key if vendor.key_variable == "ANTHROPIC_API_KEY" else access.openai_key
    key = access.key or ("" if access.local else own)
    if url.rstrip("/") == vendor.base_url and not key:
        raise NoModel(f"{Endpoint(url, {}).host} wants a key: set {vendor.key_variable}, or AGENT_LSP_API_KEY")
    return Endpoint(url, _headers(vendor, key))


def _url(vendor: Vendor, access: Access) -> str:
    url = access.base_url or (access.local.base_url if access.local else vendor.base_url)
    return url.rstrip("/").removesuffix("/v1") if vendor.wire.path.startswith("/v1/") else url


def _headers(vendor: Vendor, key: str) -> dict[str, str]:
    if vendor.wire is anthropic.WIRE:
        version = {"anthropic-version": anthropic.VERSION}
        return {**version, "x-api-key": key} if key else version
    return {"authorization": f"Bearer {key}"} if key else {}
