"""One HTTP request that streams its answer, with the failures of the wire told apart."""

from __future__ import annotations

import asyncio
import email.utils
import importlib
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass

import httpx

from agent_lsp.models import (
    BadRequest,
    BadResponse,
    ConnectionLost,
    ContextTooLong,
    KeyRefused,
    ModelError,
    Passing,
    RateLimited,
    TimedOut,
)
from agent_lsp.models.sse import SseDecoder

CONNECT_SECONDS = 10.0
_KEPT_SECONDS = 60.0  # an idle connection: tools and questions take longer than the 5 s of httpx
_ERROR_BYTES = 64 << 10
_SHORTEST_KEY = 8


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a provider may take until it answers, and that it may pause in its answer."""

    first: float = 300.0
    between: float = 120.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider listens, and the headers (the key's among them) that it wants."""

    base_url: str
    headers: Mapping[str, str]

    @property
    def host(self) -> str:
        """The host's name; the whole of what is no URL."""
        with suppress(httpx.InvalidURL):
            return httpx.URL(self.base_url).host or self.base_url
        return self.base_url

    def hide(self, text: str) -> str:
        """The text without the key, for providers that quote it in their errors."""
        for value in self.headers.values():
            key = value.removeprefix("Bearer ")
            if len(key) >= _SHORTEST_KEY:
                text = text.replace(key, "[key]")
        return text


def new_client() -> httpx.AsyncClient:
    """The client that all requests of one model share. Redirects are refused: they would carry the key."""
    with suppress(ImportError):  # httpx imports it during the first request, which should not wait for it
        importlib.import_module("anyio._backends._asyncio")
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx.Limits(keepalive_expiry=_KEPT_SECONDS),
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
    )


async def post_events(
    client: httpx.AsyncClient,
    endpoint: Endpoint,
    path: str,
    body: Mapping[str, object],
    *,
    patience: Patience = Patience(),
) -> AsyncGenerator[str, None]:
    """The data of each server-sent event of the answer. A plain JSON answer counts as one event.

    Raises ModelError. Closing the generator closes the connection.
    """
    try:
        response = await _sent(client, endpoint, path, body, patience.first)
        try:
            if response.status_code != 200:
                words = endpoint.hide(await _error_text(response))
                raise refusal(response.status_code, response.headers, words, endpoint.host)
            async with aclosing(_events(response, patience)) as events:
                async for event in events:
                    yield endpoint.hide(event)
        finally:
            await response.aclose()
    except (TimeoutError, httpx.TimeoutException) as error:
        raise TimedOut(f"{endpoint.host} did not answer in time") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise BadRequest(f"the base URL {endpoint.base_url!r} is not a URL: {error}") from error
    except httpx.LocalProtocolError:  # its words quote the header
        raise BadRequest(f"the request to {endpoint.host} cannot be sent: look for odd characters in the key") from None
    except httpx.HTTPError as error:
        raise ConnectionLost(f"the connection to {endpoint.host} failed: {error or type(error).__name__}") from error


async def _sent(
    client: httpx.AsyncClient, endpoint: Endpoint, path: str, body: Mapping[str, object], seconds: float
) -> httpx.Response:
    # Half surrogate pairs, as in names of files that are no UTF-8, cannot be sent.
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    headers = {"content-type": "application/json", **endpoint.headers}
    try:
        request = client.build_request("POST", endpoint.base_url.rstrip("/") + path, content=content, headers=headers)
    except UnicodeEncodeError:
        raise httpx.LocalProtocolError("a header is not ASCII") from None
    async with asyncio.timeout(seconds):
        return await client.send(request, stream=True)


async def _events(response: httpx.Response, patience: Patience) -> AsyncGenerator[str, None]:
    decoder, plain, first = SseDecoder(), b"", True
    async with aclosing(_timed(response.aiter_bytes(), response.url.host, patience)) as pieces:
        async for piece in pieces:
            if first and piece.lstrip()[:1] in {b"{", b"<"}:
                plain = piece
            elif plain:
                plain += piece
            else:
                for event in decoder.feed(piece):
                    yield event
            first = first and not piece.strip()
    if plain:
        yield _plain_json(plain, response.url.host)
    for event in decoder.end():
        yield event


async def _timed(pieces: AsyncIterator[bytes], host: str, patience: Patience) -> AsyncGenerator[bytes, None]:
    seconds = patience.first
    while True:
        try:
            async with asyncio.timeout(seconds):
                piece = await anext(pieces, None)
        except TimeoutError as error:
            raise TimedOut(f"{host} sent nothing for {seconds:g} s") from error
        if piece is None:
            return
        seconds = patience.between
        yield piece


def _plain_json(body: bytes, host: str) -> str:
    try:
        json.loads(body)
    except ValueError:
        raise BadResponse(f"{host} answered with something that is no model's answer: {_one_line(body)}") from None
    return body.decode("utf-8", "replace")


async def _error_text(response: httpx.Response) -> str:
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _ERROR_BYTES:
            break
    return error_message(body) or _one_line(body)


def error_message(body: bytes | str) -> str:
    """The message inside the error objects that providers send; empty where there is none."""
    try:
        value = json.loads(body)
    except ValueError:
        return ""
    for key in ("error", "message", "detail"):
        if isinstance(value, dict) and key in value:
            value = value[key]
    return value if isinstance(value, str) else ""


def refusal(status: int, headers: Mapping[str, str], message: str, host: str) -> ModelError:
    """The error that an HTTP status and its words stand for."""
    text = f"{host} answered {status}: {message or 'no reason given'}"
    after = retry_after(headers)
    if status in {401, 403}:
        return KeyRefused(
            f"{host} refused the key ({status}: {message or 'no reason given'}): check AGENT_LSP_API_KEY, or the"
            " provider's own variable"
        )
    if status == 429:
        return RateLimited(text, retry_after=after)
    if status in {408, 409, 425} or status >= 500:
        return Passing(text, retry_after=after)
    if 300 <= status < 400:
        return BadRequest(f"{host} redirects elsewhere ({status}): give the final address as base URL")
    if status == 413 or is_overflow(message):
        return ContextTooLong(text)
    return BadRequest(text)


def is_overflow(message: str) -> bool:
    """Whether a provider's words say that the request is too long for the model."""
    words = message.lower()
    return any(sign in words for sign in ("context length", "context_length", "context window", "too many tokens"))


def retry_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (seconds or a date, RFC 9110 section 10.2.3)."""
    if milliseconds := _number(headers.get("retry-after-ms", "")):
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now()) if value else None
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text) else None


def _one_line(body: bytes) -> str:
    return " ".join(body[:300].decode("utf-8", "replace").split())[:200]
