"""A Model over HTTP: sends a request as its wire protocol writes it, and reads the answer as that reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Protocol

import httpx

from agent_lsp.conversation.messages import AssistantMessage
from agent_lsp.models import Chunk, Completed, ModelError, Request
from agent_lsp.models.http import Endpoint, Patience, new_client, post_events

_LAST_BYTE_SECONDS = 0.2


class Answer(Protocol):
    """An answer while its events arrive."""

    @property
    def ended(self) -> bool:
        """Whether the protocol's own last event was seen."""

    def take(self, data: str, host: str) -> list[Chunk]:
        """Reads the data of one event; what can be shown of it. Raises ModelError."""

    def message(self, host: str) -> AssistantMessage:
        """The whole answer, once the stream is over. Raises ConnectionLost when it broke off."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire protocol: its name in settings, its path below the base URL, its requests and its answers."""

    protocol: str
    path: str
    body: Callable[[Request, str, str], Mapping[str, object]]
    """request, model, host → JSON."""
    answer: Callable[[str, Request], Answer]
    """`protocol:model`, request → an empty answer."""


class WireModel:
    """A model behind a URL."""

    note = ""

    def __init__(
        self, wire: Wire, endpoint: Endpoint, model: str, *, context_window: int, patience: Patience = Patience()
    ) -> None:
        self.name, self.context_window = f"{wire.protocol}:{model}", context_window
        self._wire, self._endpoint, self._model, self._patience = wire, endpoint, model, patience
        self._client: httpx.AsyncClient | None = None

    def warm(self) -> None:
        """Builds the HTTP client, so that the first request need not."""
        self._client = self._client or new_client()

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.warm()
        assert self._client  # noqa: S101 - warm() made it
        host, answer = self._endpoint.host, self._wire.answer(self.name, request)
        body = self._wire.body(request, self._model, host)
        sent = post_events(self._client, self._endpoint, self._wire.path, body, patience=self._patience)
        async with aclosing(sent) as events:
            async for data in events:
                for chunk in answer.take(data, host):
                    yield chunk
                if answer.ended:
                    await _read_to_end(events)
                    break
        yield Completed(answer.message(host))

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()


async def _read_to_end(events: AsyncGenerator[str, None]) -> None:
    """Only a connection whose answer was read to its last byte is used again; for that byte one does not wait long."""
    with suppress(TimeoutError, ModelError):
        async with asyncio.timeout(_LAST_BYTE_SECONDS):
            async for _ in events:
                pass
