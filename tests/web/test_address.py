"""Which addresses count as public."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from agent_lsp.web.address import by_system, is_own, not_public

REFUSED = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "3fff::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_what_is_not_public_is_refused_in_whatever_it_is_wrapped(address: str) -> None:
    assert not_public(ipaddress.ip_address(address)) == "it is not a public address"


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "64:ff9b::5db8:d822"])
def test_a_public_address_is_not_refused(address: str) -> None:
    assert not_public(ipaddress.ip_address(address)) == ""


def test_an_address_of_this_machine_is_known_as_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert is_own(ipaddress.ip_address(listening.getsockname()[0]))
    assert not is_own(ipaddress.ip_address("192.0.2.1"))


async def test_the_system_says_each_address_of_a_host_once() -> None:
    found = await by_system("localhost", 80)

    assert found
    assert all(address.is_loopback for address in found)
    assert len(set(found)) == len(found)
    with pytest.raises(socket.gaierror):
        await by_system("nowhere.invalid", 80)
