"""Model servers on the user's own machine: which one listens, and which of its models would answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ValidationError

from agent_lsp.models.local_requests import small_answer, small_client

ADDRESSES = ("http://127.0.0.1:11434/v1", "http://127.0.0.1:1234/v1", "http://127.0.0.1:8080/v1")
"""Where Ollama, LM Studio and llama.cpp listen when nobody tells them otherwise."""
OLLAMA = "Ollama"
_PROGRAMS = {"library": OLLAMA, "organization_owner": "LM Studio", "llamacpp": "llama.cpp"}
"""What each of them writes as `owned_by` in its list of models."""
_SECONDS = 1.0
_LONGEST_NAME = 300  # characters: llama.cpp names a model by its file's path


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that was found: what it is, where it listens, and its newest model that talks."""

    program: str
    base_url: str
    model: str


class _Model(BaseModel):
    id: str
    owned_by: str = ""


class _Models(BaseModel):
    object: str
    data: list[_Model]


async def found(addresses: Sequence[str]) -> LocalServer | None:
    """The first of these addresses at which a server with a model answers within a second."""
    async with small_client(_SECONDS) as client:
        servers = await asyncio.gather(*(_asked(client, address.rstrip("/")) for address in addresses))
    return next((server for server in servers if server), None)


async def _asked(client: httpx.AsyncClient, address: str) -> LocalServer | None:
    try:
        async with asyncio.timeout(_SECONDS):
            answer = await small_answer(client, f"{address}/models")
        listed = _Models.model_validate_json(answer.content)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValidationError):  # whatever listens there, it is none
        return None
    talking = [model for model in listed.data if _readable(model.id) and "embed" not in model.id.lower()]
    if answer.status_code != httpx.codes.OK or listed.object != "list" or not talking:
        return None
    return LocalServer(_PROGRAMS.get(talking[0].owned_by, "a model server"), address, talking[0].id)


def _readable(name: str) -> bool:
    """Whether a user who is asked about that name sees what it is."""
    return name.strip() == name and name.isprintable() and 0 < len(name) <= _LONGEST_NAME
