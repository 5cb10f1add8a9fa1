"""Which models a server says it has, and how much they can read."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from agent_lsp.models import BadRequest, ConnectionLost, KeyRefused, NoModel
from agent_lsp.models.wire.http import CONNECT_SECONDS, Endpoint, new_client
from agent_lsp.models.wire.refusals import error_message, refusal
from agent_lsp.models.wire.wire_model import Wire

_MOST_BYTES = 8 << 20
_MOST_NAMES, _MOST_CHARACTERS = 12, 100
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    max_model_len: int | None = None
    """vLLM."""
    context_length: int | None = None
    """OpenRouter, Together."""
    context_window: int | None = None
    """Groq."""
    max_context_length: int | None = None
    """Mistral, LM Studio."""
    loaded_context_length: int | None = None
    """LM Studio: less than the longest."""


class _List(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: list[_Entry]


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as a server lists it; `window` in tokens, None where it does not say."""

    name: str
    window: int | None


async def listed_models(wire: Wire, endpoint: Endpoint) -> tuple[Listed, ...]:
    """What `GET …/models` says; nothing where the server has no such list.

    Raises ConnectionLost, KeyRefused, and BadRequest for what is no URL.
    """
    url = endpoint.base_url.rstrip("/") + ("/v1/models" if wire.path.startswith("/v1/") else "/models")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            response, body = await _got(url, endpoint)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeEncodeError):
        raise BadRequest(
            f"nothing can be sent to {endpoint.base_url!r}: it should be as https://HOST/v1, and the key plain letters"
        ) from None
    except (TimeoutError, httpx.HTTPError) as error:
        words = endpoint.hiding()(str(error)) or "no answer in time"
        raise ConnectionLost(
            f"nothing answers at {endpoint.base_url}: {words}: check the address, and whether the server runs"
        ) from error
    if response.status_code in {401, 403}:
        words = endpoint.hiding()(error_message(body))
        refused = refusal(response.status_code, response.headers, words, endpoint.host)
        assert isinstance(refused, KeyRefused)  # noqa: S101 - which is what these two stand for
        raise refused
    return _read(body) if response.status_code == 200 else ()


async def _got(url: str, endpoint: Endpoint) -> tuple[httpx.Response, bytes]:
    body = b""
    async with new_client() as client, client.stream("GET", url, headers=dict(endpoint.headers)) as response:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _MOST_BYTES:
                break
    return response, body


def _read(body: bytes) -> tuple[Listed, ...]:
    try:
        found = _List.model_validate(json.loads(body))
    except (ValueError, RecursionError, ValidationError):
        return ()
    return tuple(Listed(entry.id, _window(entry)) for entry in found.data)


def _window(entry: _Entry) -> int | None:
    windows = (entry.loaded_context_length, entry.max_model_len, entry.context_length, entry.context_window)
    return next((window for window in (*windows, entry.max_context_length) if window and window > 0), None)


def only_model(models: Sequence[Listed], host: str) -> str:
    """The one model there is. Raises NoModel, naming those that there are."""
    match [model.name for model in models]:
        case [name]:
            return name
        case []:
            raise NoModel(f"{host} lists no models: name one with --model")
        case names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            shown = ", ".join(name[:_MOST_CHARACTERS] for name in names[:_MOST_NAMES])
            raise NoModel(f"{host} has {shown}{more}: name one with --model")


def is_local(host: str) -> bool:
    """Whether a host is this machine, or one of the user's own network."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_private
    except ValueError:
        return f".{host.lower()}".endswith(_LOCAL_NAMES)
