"""Addresses of the web, in the one form in which they are judged, shown and dialled."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import idna

from agent_lsp.web import WebRefused

_MOST_CHARACTERS = 2_000
_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_UNRESERVED = re.compile(r"%(2[dDeE]|3\d|[46][1-9a-fA-F]|5[0-9aAfF]|7[0-9aAeE])")  # RFC 3986, section 2.3
_IN_PATH = "/:@!$&'()*+,;=-._~%"
_IN_QUERY = _IN_PATH + "?"


def canonical(url: str) -> str:
    """The address as scheme, host in ASCII, port if it is an odd one, path without dots, and query.

    The fragment is left out: no server sees it. Raises WebRefused for what is not http or https, holds a name or
    a password, controls or backslashes, or a host that different programs read differently.
    """
    if len(url) > _MOST_CHARACTERS:
        raise WebRefused(f"the address is longer than {_MOST_CHARACTERS} characters")
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise WebRefused("the address holds a space, a control character or a backslash: write it without")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebRefused(f"this is no address: {error}") from error
    if parts.scheme not in _PORTS:
        raise WebRefused(f"'{parts.scheme}' is not fetched: only http and https are")
    if "@" in parts.netloc:
        raise WebRefused("an address with a user's name or password is not fetched")
    place = _host(parts.hostname or "") + (f":{port}" if port not in {None, _PORTS[parts.scheme]} else "")
    return f"{parts.scheme}://{place}{_path(parts.path)}" + (f"?{_kept(parts.query, _IN_QUERY)}" if parts.query else "")


def joined(base: str, location: str) -> str:
    """Where a redirect leads, in canonical form. Raises WebRefused."""
    try:
        return canonical(urljoin(base, location))
    except ValueError as error:
        raise WebRefused(f"it redirects to what is no address: {error}") from error


def host_of(url: str) -> str:
    """The host of a canonical address, an IPv6 address without brackets."""
    return urlsplit(url).hostname or ""


def port_of(url: str) -> int:
    """The port of a canonical address."""
    parts: SplitResult = urlsplit(url)
    return parts.port or _PORTS[parts.scheme]


def same_site(url: str, other: str) -> bool:
    """Whether a redirect stays with the host that was asked: the same origin, or its step from http to https."""
    a, b = urlsplit(url), urlsplit(other)
    if (a.scheme, a.netloc) == (b.scheme, b.netloc):
        return True
    return (a.scheme, b.scheme) == ("http", "https") and a.netloc == b.netloc == a.hostname


def _host(host: str) -> str:
    if ":" in host:
        return f"[{_ip(host)}]"
    try:
        name = idna.encode(host.rstrip("."), uts46=True).decode("ascii").lower() if not host.isascii() else host.lower()
    except idna.IDNAError as error:
        raise WebRefused(f"'{host}' is no host: {error}") from error
    labels = name.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):  # what ends in a number is an IPv4 address (WHATWG URL, section 3.5)
        return _ip(".".join(labels))
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise WebRefused(f"'{host}' is no host")
    return ".".join(labels)


def _ip(text: str) -> str:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise WebRefused(f"'{text}' is no IP address in its usual form") from None
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id:
        raise WebRefused("an address with a zone is not fetched")
    return str(found)


def _path(path: str) -> str:
    kept: list[str] = []
    segments = _kept(path, _IN_PATH).split("/")[1:] or [""]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _kept(text: str, safe: str) -> str:
    """Escapes what must be, and takes back escapes that need not be: `%2e%2e` is `..`, to everybody alike."""
    return quote(_UNRESERVED.sub(lambda found: unquote(found[0]), text), safe=safe)
