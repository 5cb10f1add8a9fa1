"""The one way out to the web: every address is checked where it is dialled, and nothing of the user's goes along."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import httpx

from agent_lsp.web import Denied, NoPage, Page, WebRefused
from agent_lsp.web.address import Address, Refusal, Resolve, by_system, not_public
from agent_lsp.web.location import canonical, host_of, joined, port_of, same_site

_REDIRECTS = {301, 302, 303, 307, 308}
_HEADERS = {
    "user-agent": "Mozilla/5.0 (compatible; agent-lsp)",
    "accept": "text/html, text/markdown, text/plain, application/json;q=0.9, */*;q=0.5",
    "accept-encoding": "gzip",
}
_INFLATE = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's window bits
_GZIP = b"\x1f"  # how each of its parts begins
_PIECE = 64 << 10
_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE | re.ASCII)
"""A charset in its plain form (RFC 9110, section 8.3.1), without what mail may write (`charset*0*=`, RFC 2231)."""


@dataclass(frozen=True, slots=True)
class FetchBounds:
    """What one fetch may cost: bytes after decompression, seconds for all of it, redirects."""

    most_bytes: int = 2 << 20
    seconds: float = 30.0
    redirects: int = 5


class Broker:
    """Fetches pages. A host is resolved once for each request, and one of the checked addresses is dialled.

    No proxy, cookie, key or stored password is used: what a server learns is the address of the page. Redirects
    are followed within a site, each checked as if it had been asked for; one that leads elsewhere ends the fetch.
    """

    def __init__(
        self,
        *,
        denied: Denied = lambda _: "",
        refuses: Refusal = not_public,
        resolve: Resolve = by_system,
        bounds: FetchBounds = FetchBounds(),
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """`refuses` judges IP addresses, `denied` whole addresses; `trusted` is whom TLS trusts."""
        self._denied, self._refuses, self._resolve = denied, refuses, resolve
        self._bounds, self._trusted = bounds, trusted

    async def fetch(self, url: str, form: dict[str, str] | None = None) -> Page:
        """What stands at an address; with `form` it is posted. Raises WebRefused."""
        place = canonical(url)
        host = host_of(place)
        try:
            async with asyncio.timeout(self._bounds.seconds):
                return await self._followed(place, form)
        except TimeoutError as error:
            raise NoPage(f"{host} took longer than {self._bounds.seconds:g} s") from error
        except (httpx.NetworkError, httpx.TimeoutException) as error:
            raise NoPage(f"{host} could not be read: {error or type(error).__name__}") from error
        except httpx.HTTPError as error:  # its message may quote the server
            raise NoPage(f"{host} could not be read: it broke off, or did not answer as HTTP asks") from error

    def must_be_public(self, url: str) -> None:
        """As the protocol says: for it nobody is asked what cannot be done."""
        host = host_of(url)
        local = host == "localhost" or host.endswith(".localhost")  # RFC 6761, section 6.3
        self._must_not_refuse(host, _literal("127.0.0.1" if local else host))

    async def _followed(self, url: str, form: dict[str, str] | None) -> Page:
        for hop in range(self._bounds.redirects + 1):
            try:
                answer = await self._asked(url, form)
            except NoPage as error:
                if hop:  # the address that is told is one that a server chose
                    raise WebRefused(str(error)) from error
                raise
            if isinstance(answer, Page):
                return answer
            if not same_site(url, answer):
                raise WebRefused(f"it redirects to {answer}: fetch that address if it is what you need")
            url, form = answer, None
        raise NoPage(f"it redirects more than {self._bounds.redirects} times")

    async def _asked(self, url: str, form: dict[str, str] | None) -> Page | str:
        """A page, or the address that the server redirects to."""
        if reason := self._denied(url):
            raise NoPage(reason)
        addresses = await self._checked(url)
        async with httpx.AsyncHTTPTransport(verify=self._trusted or _trusted(), trust_env=False) as transport:
            response = await _sent(transport, url, addresses, form)
            try:
                if response.status_code in _REDIRECTS and "location" in response.headers:
                    return joined(url, response.headers["location"])
                if response.status_code != 200:
                    raise NoPage(f"{url} answered {_status(response.status_code)}")
                return await self._read(url, response)
            finally:
                await response.aclose()

    async def _checked(self, url: str) -> tuple[Address, ...]:
        """The addresses of a host, all of them allowed: a host with one that is not is not to be trusted at all."""
        host = host_of(url)
        try:
            addresses = _literal(host) or await self._resolve(host, port_of(url))
        except OSError as error:
            raise NoPage(f"the host {host} was not found: {error.strerror or error}") from error
        self._must_not_refuse(host, addresses)
        if not addresses:
            raise NoPage(f"the host {host} has no address")
        return addresses

    def _must_not_refuse(self, host: str, addresses: Sequence[Address]) -> None:
        for address in addresses:
            if reason := self._refuses(address):
                at = "" if host == str(address) else f" is at {address}, which"
                raise NoPage(f"{host}{at} is not fetched from: {reason}")

    async def _read(self, url: str, response: httpx.Response) -> Page:
        most, body, cut = self._bounds.most_bytes, bytearray(), False
        async for piece in _decoded(response, most):
            body += piece
            if len(body) > most:
                cut = True
                break
        said = response.headers.get("content-type", "")
        charset = _CHARSET.search(said)
        media_type = said.partition(";")[0].strip().lower()
        return Page(url, media_type, charset[1].lower() if charset else "", bytes(body[:most]), cut)


def _status(code: int) -> str:
    """A status in our words: the phrase that a server sends beside it is the server's."""
    return f"{code} {httpx.codes.get_reason_phrase(code)}".rstrip()


def _literal(host: str) -> tuple[Address, ...]:
    try:
        return (ipaddress.ip_address(host),)
    except ValueError:
        return ()


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Whom TLS trusts: reading the certificates takes 20 ms, once for all fetches."""
    return httpx.create_ssl_context(trust_env=False)


async def _sent(
    transport: httpx.AsyncHTTPTransport, url: str, addresses: Sequence[Address], form: dict[str, str] | None
) -> httpx.Response:
    """The answer of the first address that takes a connection; TLS is to the name that was asked for."""
    named = httpx.Request("POST" if form else "GET", url, data=form, headers=_HEADERS)
    timeouts = httpx.Timeout(None, connect=10.0).as_dict()
    for address in addresses:
        request = httpx.Request(
            named.method,
            named.url.copy_with(host=str(address)),
            headers=named.headers,  # with the host's name
            content=named.content,
            extensions={"sni_hostname": host_of(url), "timeout": timeouts},
        )
        try:
            return await transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if address == addresses[-1]:
                raise
    raise AssertionError("there is an address at least")


async def _decoded(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """The bytes without their compression, in pieces that stay small whatever they were packed from."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        async for piece in response.aiter_raw(_PIECE):
            yield piece
        return
    if coding not in _INFLATE:
        raise WebRefused(f"it is packed as '{coding}', which is not read")
    unpacking, left = _Unpacking(_INFLATE[coding], most), 2 * most + _PIECE
    try:
        async for packed in response.aiter_raw(_PIECE):
            left -= len(packed)
            if left < 0:
                raise WebRefused("it is packed in more bytes than are read")
            for piece in unpacking.feed(packed):
                yield piece
            if unpacking.ended:
                return
    except zlib.error as error:
        raise WebRefused(f"what it sent cannot be unpacked: {error}") from error


class _Unpacking:
    """Several packed texts, one after the other, as one (RFC 1952, section 2.2); what else follows is not looked at."""

    def __init__(self, bits: int, most: int) -> None:
        """`bits` is how zlib names the coding; of each text there are at most as many bytes, and one more."""
        self._bits, self._most, self._one = bits, most, zlib.decompressobj(bits)
        self.ended = False

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """What comes of more bytes. Raises zlib.error."""
        left = packed
        while left and not self.ended:
            if self._one.eof:
                if not left.startswith(_GZIP):
                    self.ended = True
                    return
                self._one = zlib.decompressobj(self._bits)
            yield self._one.decompress(left, self._most + 1)
            self.ended = bool(self._one.unconsumed_tail)  # more than anybody wants
            left = self._one.unused_data
