"""A Model over HTTP: sends a request as its wire protocol writes it, and reads the answer as that reads it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Annotated, Protocol, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, ValidationError

from agent_lsp.conversation.messages import AssistantMessage, StopReason
from agent_lsp.models import BadResponse, Chunk, Completed, ContextTooLong, ModelError, Passing, Request
from agent_lsp.models.wire.http import Endpoint, Patience, new_client, post_events

_LAST_BYTE_SECONDS = 0.2
_LATE_SECONDS = 2.0
_MOST_CHARACTERS = 8 << 20
_MOST_CHARACTERS_A_TOKEN = 2_000
"""An event with one token has some hundred characters; more than all of these is a provider that does not stop."""
_MOST_COUNTED = 1_000_000_000
Event = TypeVar("Event", bound=BaseModel)


def _count(value: object) -> int | None:
    """What stands for a number of tokens; None for what can be none, as if nothing had been said."""
    if isinstance(value, int | float) and 0 <= value <= _MOST_COUNTED:
        return math.ceil(value)
    return None


Count = Annotated[int | None, BeforeValidator(_count)]
"""A number of tokens as providers report it: one below zero would give money back, a boundless one fits no ledger."""


class Answer(Protocol):
    """An answer while its events arrive."""

    @property
    def finished(self) -> bool:
        """Whether the provider said why the answer stopped; what may still come is its usage."""

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
    """A model behind a URL. `client` becomes its own, to be closed with it."""

    def __init__(
        self,
        wire: Wire,
        endpoint: Endpoint,
        model: str,
        *,
        context_window: int,
        patience: Patience = Patience(),
        note: str = "",
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self.name, self.context_window, self.note = f"{wire.protocol}:{model}", context_window, note
        self._wire, self._endpoint, self._model, self._patience = wire, endpoint, model, patience
        self._client = client

    def warm(self) -> None:
        """Builds the HTTP client, so that the first request need not."""
        self._client = self._client or new_client(self._patience.connect)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.warm()
        assert self._client  # noqa: S101 - warm() made it
        host, answer = self._endpoint.host, self._wire.answer(self.name, request)
        body = self._wire.body(request, self._model, host)
        left = _MOST_CHARACTERS + _MOST_CHARACTERS_A_TOKEN * request.max_output_tokens
        sent = post_events(self._client, self._endpoint, self._wire.path, body, patience=self._patience)
        async with aclosing(sent) as events:
            while (data := await (_late(events) if answer.finished else anext(events, None))) is not None:
                left -= len(data)
                if left < 0:
                    raise BadResponse(f"{host} does not stop: it sent far more than it was asked for")
                for chunk in answer.take(data, host):
                    yield chunk
                if answer.ended:
                    await _read_to_end(events)
                    break
        message = _judged(answer.message(host), request, host)
        yield Completed(message, counted=message.usage.tokens > 0)

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()


async def _late(events: AsyncGenerator[str, None]) -> str | None:
    """The next event after the stop reason: one does not wait long for it, and nothing depends on it."""
    with suppress(TimeoutError, Passing):
        async with asyncio.timeout(_LATE_SECONDS):
            return await anext(events, None)
    return None


async def _read_to_end(events: AsyncGenerator[str, None]) -> None:
    """Only a connection whose answer was read to its last byte is used again; for that byte one does not wait long."""
    with suppress(TimeoutError, ModelError):
        async with asyncio.timeout(_LAST_BYTE_SECONDS):
            async for _ in events:
                pass


def _judged(message: AssistantMessage, request: Request, host: str) -> AssistantMessage:
    """The answer with the stop reason that its counts show: servers report the one limit as the other, or none."""
    used = message.usage.output_tokens
    if message.stop is StopReason.MAX_TOKENS and not message.parts and used <= 1:
        raise ContextTooLong(f"{host} has no room for an answer: the request fills the model's context window")
    if message.stop is StopReason.END_TURN and not message.calls and used >= request.max_output_tokens:
        return replace(message, stop=StopReason.MAX_TOKENS)  # llama.cpp calls it `completed` in Responses
    return message


def read_event(kind: type[Event], data: str, host: str) -> Event:
    """The event that the data of a server-sent event is. Raises BadResponse."""
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        with suppress(ValueError, RecursionError):  # half a surrogate pair is all that json takes and pydantic does not
            return kind.model_validate_json(json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "replace"))
        raise BadResponse(f"{host} sent an event that cannot be read: {data[:200]}") from error
