"""Addresses in one form: what everybody reads alike stays, what could be read in two ways is refused."""

from __future__ import annotations

import pytest

from agent_lsp.web import WebRefused
from agent_lsp.web.location import canonical, joined, same_site


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("HTTPS://Docs.Example.ORG", "https://docs.example.org/"),
        ("https://example.org.:443/a#part", "https://example.org/a"),
        ("http://example.org:8080/a?b=c d".replace(" ", "%20"), "http://example.org:8080/a?b=c%20d"),
        ("https://example.org/a/../b/./c/%2e%2e/d", "https://example.org/b/d"),
        ("https://example.org/../../x/..", "https://example.org/"),
        ("https://example.org/%7Euser/%61%2Fb", "https://example.org/~user/a%2Fb"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://ⓔxample.org/", "https://example.org/"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
        ("http://93.184.216.34/", "http://93.184.216.34/"),
    ],
)
def test_an_address_has_one_form(written: str, form: str) -> None:
    assert canonical(written) == form
    assert canonical(form) == form


@pytest.mark.parametrize(
    "written",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "javascript:alert(1)",
        "example.org",
        "//example.org/",
        "https:///path",
        "https://",
        "https://me:secret@example.org/",
        "https://example.org@evil.example/",
        "https://example.org\0.evil.example/",
        "https://example.org%00.evil.example/",
        "https://example.org\\@evil.example/",
        "https://example.org/\r\nHost: evil",
        "https://example.org/a b",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1.nip.0x1/",
        "http://[::1%25eth0]/",
        "http://[::1/",
        "https://exa mple.org/",
        "https://-a-.example/",
        "https://example.org:99999/",
        "https://" + "a." * 130 + "org/",
        "https://example.org/" + "a" * 2_000,
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(written: str) -> None:
    with pytest.raises(WebRefused):
        canonical(written)


def test_digits_of_another_script_are_digits() -> None:
    assert canonical("http://１２７。０。０。１/") == "http://127.0.0.1/"


def test_a_redirect_is_read_from_where_it_stands() -> None:
    assert joined("https://example.org/a/b", "../c?d") == "https://example.org/c?d"


@pytest.mark.parametrize(
    ("to", "same"),
    [
        ("https://example.org/b", True),
        ("http://example.org:8080/b", False),
        ("https://www.example.org/", False),
        ("https://example.org:8443/", False),
    ],
)
def test_a_site_is_its_origin_and_the_step_to_https(to: str, same: bool) -> None:
    assert same_site("http://example.org/a", to) is same
    assert not same_site("https://example.org/a", "http://example.org/a")
