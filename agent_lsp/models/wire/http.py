"""One HTTP request that streams its answer, with the failures of the wire told apart."""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import re
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field

import httpx

from agent_lsp.models import BadRequest, BadResponse, ConnectionLost, TimedOut
from agent_lsp.models.wire.body import encoded
from agent_lsp.models.wire.refusals import error_message, refusal
from agent_lsp.models.wire.sse import SseDecoder
from agent_lsp.models.wire.stream_timeout import LimitedWaits

CONNECT_SECONDS = 10.0
_ERROR_SECONDS = 10.0  # until the words of an error are there
_KEPT_SECONDS = 60.0  # an idle connection: tools and questions take longer than the 5 s of httpx
_ERROR_BYTES = 64 << 10
_PLAIN_BYTES = 32 << 20
_SHORTEST_KEY = 8
_THIS_MACHINE = ("all://localhost", "all://127.0.0.1", "all://[::1]")
"""No proxy stands before them: what the user lets go to a server of this machine would leave it."""
_KEY_HEADERS = {"authorization", "x-api-key"}
_PING = re.compile(r'\s*\{\s*"type"\s*:\s*"ping"')


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a provider may take until it answers, to pause in its answer, and until it is connected."""

    first: float = 300.0
    between: float = 120.0
    connect: float = CONNECT_SECONDS


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider listens, and the headers (the key's among them) that it wants."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def host(self) -> str:
        """The host's name; the whole of what is no URL."""
        with suppress(httpx.InvalidURL):
            return httpx.URL(self.base_url).host or self.base_url
        return self.base_url

    def hiding(self) -> Callable[[str], str]:
        """What takes the key out of a text, for providers that quote it in their errors."""
        keys = [value.removeprefix("Bearer ") for name, value in self.headers.items() if name in _KEY_HEADERS]
        secrets = [key for key in keys if len(key) >= _SHORTEST_KEY]

        def hide(text: str) -> str:
            for key in secrets:
                text = text.replace(key, "[key]")
            return text

        return hide


def new_client(connect_seconds: float = CONNECT_SECONDS) -> httpx.AsyncClient:
    """The client that all requests of one model share. Redirects are refused: they would carry the key."""
    with suppress(ImportError):  # httpx imports it during the first request, which should not wait for it
        importlib.import_module("anyio._backends._asyncio")
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=connect_seconds),
        limits=httpx.Limits(keepalive_expiry=_KEPT_SECONDS),
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
        mounts=dict.fromkeys(_THIS_MACHINE),
        verify=_trusted(),
    )


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Whom TLS trusts: reading the certificates takes 20 ms, once for all clients."""
    return httpx.create_ssl_context()


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
    hide = endpoint.hiding()
    try:
        response = await _sent(client, endpoint, path, body, patience.first)
        try:
            if response.status_code != 200:
                told = await _error_body(response)
                words = hide(error_message(told) or _one_line(told))
                raise refusal(response.status_code, response.headers, words, endpoint.host, body=told)
            async with aclosing(_events(response, patience)) as events:
                async for event in events:
                    yield hide(event)
        finally:
            await response.aclose()
    except (TimeoutError, httpx.TimeoutException) as error:
        raise TimedOut(f"{endpoint.host} did not answer in time") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise BadRequest(f"the base URL {endpoint.base_url!r} is not a URL: {error}") from error
    except httpx.LocalProtocolError:  # its words quote the header
        raise BadRequest(f"the request to {endpoint.host} cannot be sent: look for odd characters in the key") from None
    except httpx.HTTPError as error:
        if isinstance(_root(error), ssl.SSLCertVerificationError):
            raise BadRequest(f"the certificate of {endpoint.host} is not trusted: {_root(error)}") from error
        where = endpoint.base_url if isinstance(error, httpx.ConnectError) else endpoint.host
        lost = ConnectionLost(f"the connection to {where} failed: {error or type(error).__name__}")
        lost.may_have_cost = not isinstance(error, httpx.ConnectError)  # what never arrived costs nothing
        raise lost from error


async def _sent(
    client: httpx.AsyncClient, endpoint: Endpoint, path: str, body: Mapping[str, object], seconds: float
) -> httpx.Response:
    content = encoded(body)
    headers = {"content-type": "application/json", **endpoint.headers}
    try:
        request = client.build_request("POST", _url(endpoint.base_url, path), content=content, headers=headers)
    except UnicodeEncodeError:
        raise httpx.LocalProtocolError("a header is not ASCII") from None
    async with asyncio.timeout(seconds):
        return await client.send(request, stream=True)


@functools.lru_cache(16)
def _url(base_url: str, path: str) -> httpx.URL:
    return httpx.URL(base_url.rstrip("/") + path)


def _root(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


async def _events(response: httpx.Response, patience: Patience) -> AsyncGenerator[str, None]:
    decoder, plain, first = SseDecoder(), bytearray(), True
    with closing(_Arriving(response, patience)) as arriving:
        while (piece := await arriving.next()) is not None:
            if plain or (first and piece.lstrip()[:1] in {b"{", b"[", b"<"}):
                _add(plain, piece)
            else:
                for event in decoder.feed(piece):
                    if not _PING.match(event):
                        arriving.counts()
                        yield event
            first = first and not piece.strip()
    if plain:
        yield _plain_json(bytes(plain), response.url.host)
    for event in decoder.end():
        yield event


def _add(plain: bytearray, piece: bytes) -> None:
    plain += piece
    if len(plain) > _PLAIN_BYTES:
        raise BadResponse("the provider answered with more than 32 MB")


class _Arriving:
    """The bytes of an answer, waited for so long. Pings and comments are a sign of life, but no event: they end too."""

    def __init__(self, response: httpx.Response, patience: Patience) -> None:
        self._host, self._pieces = response.url.host, response.aiter_bytes()
        self._patience, self._between = patience, patience.first
        self._waits, self._clock = LimitedWaits(), asyncio.get_running_loop().time
        self._last_event = self._clock()

    async def next(self) -> bytes | None:
        """The next bytes, None at their end. Raises TimedOut."""
        due = min(self._clock() + self._between, self._last_event + self._patience.first)
        try:
            with self._waits.until(due):
                piece = await anext(self._pieces, None)
        except TimeoutError as error:
            seconds = min(self._between, self._patience.first)
            raise TimedOut(f"{self._host} sent nothing new for {seconds:g} s") from error
        self._between = self._patience.between
        return piece

    def counts(self) -> None:
        """What came was an event: the wait for the next begins."""
        self._last_event = self._clock()

    def close(self) -> None:
        self._waits.close()


def _plain_json(body: bytes, host: str) -> str:
    try:
        json.loads(body)
    except ValueError:
        raise BadResponse(f"{host} answered with something that is no model's answer: {_one_line(body)}") from None
    return body.decode("utf-8", "replace")


async def _error_body(response: httpx.Response) -> bytes:
    """The status is known already: what of the words does not come in ten seconds, or breaks off, is left out."""
    body = b""
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_ERROR_SECONDS):
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _ERROR_BYTES:
                    break
    return body


def _one_line(body: bytes) -> str:
    return " ".join(body[:300].decode("utf-8", "replace").split())[:200]
