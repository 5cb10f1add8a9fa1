"""The models of one daemon: each is made once, and anew when what leads to it has changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from agent_lsp.models import Model, ollama
from agent_lsp.models.image_support import ModelWithImages
from agent_lsp.models.local_servers import OLLAMA, LocalServer, found
from agent_lsp.models.model_factory import VENDORS, Access, Surroundings, chosen, made, priced
from agent_lsp.models.pricing import Price

Allowed = Callable[[LocalServer], Awaitable[bool]]
"""Whether the user allows a server that was found on this machine."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A model with its price."""

    model: ModelWithImages
    price: Price


MakeModel = Callable[[str, Access, Surroundings], Awaitable[Priced]]
"""Makes the model of a name, as `protocol:model`. Raises NoModel."""


async def priced_model(name: str, access: Access, around: Surroundings) -> Priced:
    """Make the model of that name, with its price and, where Ollama answers, a window that holds what is sent."""
    protocol, _, model = name.partition(":")
    price = priced(name, access)
    if address := _ollama(protocol, access):
        wished = access.context_window or price.own_window
        model, window = await ollama.with_window(address, model, wished)
        name, access = f"{protocol}:{model}", replace(access, context_window=window)
    return Priced(ModelWithImages(made(name, access, around)), price)


class ModelCache:
    """Has each model made once, and closes them all at the end."""

    def __init__(self, around: Surroundings, make: MakeModel = priced_model) -> None:
        self._around, self._make = around, make
        self._made: dict[str, tuple[Access, Priced]] = {}
        self._replaced: list[Model] = []

    async def reachable(self, access: Access, addresses: Sequence[str], allowed: Allowed) -> Access:
        """The access, with a server of this machine where nothing else leads to a model and the user allows it."""
        if not access.says_nothing or (server := await found(addresses)) is None:
            return access
        return replace(access, local=server) if await allowed(server) else replace(access, refused=server)

    async def model(self, access: Access) -> Priced:
        """The model that the access leads to. Raises NoModel."""
        name = chosen(access)
        kept = self._made.get(name)
        if kept and kept[0] == access:
            return kept[1]
        fresh = await self._make(name, access, self._around)
        if kept := self._made.get(name):  # as it is now: a turn beside this one may have made its own
            self._replaced.append(kept[1].model)  # a turn may still use it
        self._made[name] = access, fresh
        return fresh

    async def close(self) -> None:
        """Frees what all of them hold."""
        for model in (*self._replaced, *(one.model for _, one in self._made.values())):
            await model.close()


def _ollama(protocol: str, access: Access) -> str:
    """Where Ollama listens, if that is what answers: found to be one, or at the port that is Ollama's own."""
    if protocol not in VENDORS:
        return ""
    if access.local:
        return access.local.base_url if access.local.program == OLLAMA else ""
    return access.base_url if access.base_url and _port(access.base_url) == ollama.PORT else ""


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:  # no number: said when the request is sent
        return None
