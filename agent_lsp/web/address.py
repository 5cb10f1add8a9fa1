"""Which addresses of the internet may be dialled: public ones of others."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address
Refusal = Callable[[Address], str]
"""Why an address is not dialled; empty when nothing is against it."""
Resolve = Callable[[str, int], Awaitable[tuple[Address, ...]]]
"""The addresses of a host. Raises OSError."""

_TRANSLATED = (
    (ipaddress.ip_network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (ipaddress.ip_network("64:ff9b:1::/48"), 0),  # NAT64 for local use, RFC 8215
    (ipaddress.ip_network("2002::/16"), 80),  # 6to4, RFC 3056
    (ipaddress.ip_network("::/96"), 0),  # IPv4-compatible, RFC 4291
)
"""Networks whose addresses hold an IPv4 address, and the bits after it."""
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("168.63.129.16/32", "192.0.0.0/24", "3fff::/20")))
"""What `ipaddress` takes for public: metadata of clouds, protocols, and what is for documents (RFC 9637)."""
_UNICAST, _NAT64 = ipaddress.ip_network("2000::/3"), _TRANSLATED[0][0]
"""All that is public among IPv6 addresses, RFC 4291 section 2.4 and RFC 6052."""


def not_public(address: Address) -> str:
    """Refuses private, loopback, link-local and metadata addresses, in whatever they are wrapped, and our own."""
    for one in (address, *_inside(address)):
        if not _is_public(one):
            return "it is not a public address"
    return "it is this machine's own address" if is_own(address) else ""


def is_own(address: Address) -> bool:
    """Whether packets to an address would come from that same address; none is sent."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((str(address), 9))
        return ipaddress.ip_address(probe.getsockname()[0]) == address
    return False


def any_address(_: Address) -> str:
    """Refuses nothing: for the one server that the user has named."""
    return ""


async def by_system(host: str, port: int) -> tuple[Address, ...]:
    """What the system's resolver says, without duplicates, in its order."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ipaddress.ip_address(str(place[0])) for *_, place in found))


def _inside(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, *(address.teredo or ())]
    for network, after in _TRANSLATED:
        if address in network:
            found.append(IPv4Address(int(address) >> after & 0xFFFFFFFF))
    return tuple(one for one in found if one is not None)


def _is_public(address: Address) -> bool:
    if any(address in network for network in _NOT_PUBLIC):
        return False
    if isinstance(address, IPv6Address):
        return address in _NAT64 or (address in _UNICAST and address.is_global)
    return address.is_global and not (address.is_multicast or address.is_reserved)
