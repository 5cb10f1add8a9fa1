"""The broker over real HTTP and TLS on loopback: what it fetches, and what it refuses."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from pathlib import Path

import pytest

from agent_lsp.web import NoPage, Page, WebRefused
from agent_lsp.web.broker import Broker, FetchBounds
from agent_lsp.web.page_text import text_of
from tests.web.server import LOOPBACK, answer, certificate, names, only, redirect, serving

SITE = names(site="127.0.0.1")


def broker(bounds: FetchBounds | None = None) -> Broker:
    return Broker(refuses=only(LOOPBACK), resolve=SITE, bounds=bounds or FetchBounds())


async def test_a_page_comes_with_what_the_server_says_of_it() -> None:
    async with serving({"/a": answer(b"hello", "Text/Plain; charset=iso-8859-1")}) as server:
        page = await broker().fetch(server.url("/a?q=1#part"))

    assert page == Page(server.url("/a?q=1"), "text/plain", "iso-8859-1", b"hello", cut=False)


@pytest.mark.parametrize(
    ("parameter", "charset"),
    [
        (' ; Charset="UTF-8"', "utf-8"),
        ("; a=b;charset='latin1'", "latin1"),
        ("", ""),
        ("; charset=", ""),
        ("; charset*=us-ascii''%00", ""),
        (f"; charset*{'9' * 5_000}=a", ""),
        ("; charset=a\xe9", "a"),
    ],
    ids=lambda words: words[:20],
)
async def test_whatever_a_server_says_of_the_encoding_ends_no_turn(parameter: str, charset: str) -> None:
    async with serving({"/": answer(b"hello", f"text/plain{parameter}")}) as server:
        page = await broker().fetch(server.url())

    assert (page.media_type, page.charset, await text_of(page)) == ("text/plain", charset, "hello")


async def test_the_server_learns_the_page_and_nothing_else() -> None:
    async with serving({"/a": answer(b"hello")}) as server:
        await broker().fetch(server.url("/a"))

    assert server.asked == [
        "GET /a HTTP/1.1\r\n"
        f"Host: site.test:{server.port}\r\n"
        "user-agent: Mozilla/5.0 (compatible; agent-lsp)\r\n"
        "accept: text/html, text/markdown, text/plain, application/json;q=0.9, */*;q=0.5\r\n"
        "accept-encoding: gzip\r\n\r\n"
    ]


async def test_a_form_is_posted() -> None:
    async with serving({"/": answer(b"found")}) as server:
        await broker().fetch(server.url(), {"q": "two words"})

    assert (server.asked[0].split()[0], server.bodies) == ("POST", [b"q=two+words"])


async def test_tls_is_to_the_name_that_was_asked_for(tmp_path: Path) -> None:
    ours, trusted = certificate(tmp_path, "site.test")
    async with serving({"/": answer(b"secret line")}, ours) as server:
        resolve = names(site="127.0.0.1", other="127.0.0.1")
        safe = Broker(refuses=only(LOOPBACK), resolve=resolve, trusted=trusted)
        page = await safe.fetch(server.url(scheme="https"))
        with pytest.raises(WebRefused, match="certificate verify failed: Hostname mismatch"):
            await safe.fetch(server.url(scheme="https", host="other.test"))

    assert page.body == b"secret line"


async def test_redirects_within_a_site_are_followed_and_one_that_leads_elsewhere_is_told() -> None:
    async with serving(
        {"/a": redirect("/b"), "/b": answer(b"here"), "/c": redirect("http://other.test/d?x=1")}
    ) as server:
        page = await broker().fetch(server.url("/a"))
        with pytest.raises(WebRefused) as refused:
            await broker().fetch(server.url("/c"))

    assert (page.url, page.body) == (server.url("/b"), b"here")
    assert str(refused.value) == "it redirects to http://other.test/d?x=1: fetch that address if it is what you need"


async def test_a_ring_of_redirects_ends() -> None:
    async with serving({"/a": redirect("/b"), "/b": redirect("/a")}) as server:
        with pytest.raises(WebRefused, match="it redirects more than 5 times"):
            await broker().fetch(server.url("/a"))

    assert server.paths == ["/a", "/b"] * 3


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "gopher://site.test/", "http://me:you@site.test/", "//\x00", "//[::1/"]
)
async def test_a_redirect_to_what_is_no_page_is_refused(location: str) -> None:
    async with serving({"/a": redirect(location)}) as server:
        with pytest.raises(WebRefused):
            await broker().fetch(server.url("/a"))

    assert server.paths == ["/a"]


async def test_what_the_user_denies_is_refused_also_behind_a_redirect() -> None:
    async with serving({"/a": redirect("/private/x"), "/private/x": answer(b"no")}) as server:
        denying = Broker(
            denied=lambda url: "your rule is against it" if "/private/" in url else "",
            refuses=only(LOOPBACK),
            resolve=SITE,
        )
        with pytest.raises(WebRefused, match="your rule is against it"):
            await denying.fetch(server.url("/a"))

    assert server.paths == ["/a"]


async def test_a_page_is_cut_at_the_limit_and_no_more_of_it_is_read() -> None:
    async with serving({"/": answer(b"x" * (64 << 20))}) as server:
        page = await broker(FetchBounds(most_bytes=1_000)).fetch(server.url())

    assert (page.body, page.cut) == (b"x" * 1_000, True)
    assert server.sent < 32 << 20


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_packed_page_is_unpacked_and_a_bomb_ends_at_the_limit(coding: str) -> None:
    pack = gzip.compress if coding == "gzip" else zlib.compress
    pages = {
        "/page": answer(pack(b"small"), Content_Encoding=coding),
        "/bomb": answer(pack(b"\0" * (32 << 20)), Content_Encoding=coding),
    }
    async with serving(pages) as server:
        page = await broker().fetch(server.url("/page"))
        bomb = await broker(FetchBounds(most_bytes=1_000)).fetch(server.url("/bomb"))

    assert (page.body, page.cut) == (b"small", False)
    assert (len(bomb.body), bomb.cut) == (1_000, True)


async def test_a_page_that_is_packed_in_several_parts_comes_whole() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0padding"
    async with serving({"/": answer(packed, Content_Encoding="gzip")}) as server:
        page = await broker().fetch(server.url())

    assert (page.body, page.cut) == (b"one two", False)


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(b"") * 400_000, b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"name" * (4 << 20)],
    ids=["parts without anything", "a name without end"],
)
async def test_a_packed_page_without_an_end_is_left_soon(packed: bytes) -> None:
    async with serving({"/": answer(packed, Content_Encoding="gzip")}) as server:
        with pytest.raises(WebRefused, match="packed in more bytes than are read"):
            await broker(FetchBounds(most_bytes=500_000)).fetch(server.url())

    assert server.sent < 6 << 20


async def test_what_follows_a_packed_page_is_not_read() -> None:
    """Kept beside the page it would be copied again for each piece, while nothing else in the daemon gets a turn."""
    async with serving({"/": answer(gzip.compress(b"small") + b"x" * (32 << 20), Content_Encoding="gzip")}) as server:
        page = await broker().fetch(server.url())

    assert (page.body, page.cut) == (b"small", False)
    assert server.sent < 16 << 20


@pytest.mark.parametrize("said", [answer(b"x", Content_Encoding="br"), answer(b"no gzip", Content_Encoding="gzip")])
async def test_what_cannot_be_unpacked_is_refused(said: bytes) -> None:
    async with serving({"/": said}) as server:
        with pytest.raises(WebRefused, match="packed"):
            await broker().fetch(server.url())


async def test_a_server_that_is_slow_at_any_point_is_left() -> None:
    ended = asyncio.Event()

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            ended.set()
        finally:
            writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(WebRefused, match=r"site\.test took longer than 0\.2 s"):
            await broker(FetchBounds(seconds=0.2)).fetch(f"http://site.test:{port}/")
        await asyncio.wait_for(ended.wait(), 30)


async def test_an_error_of_the_server_and_a_host_that_is_not_there_are_told() -> None:
    async with serving({}) as server:
        with pytest.raises(WebRefused, match="answered 404 Not Found"):
            await broker().fetch(server.url())
        with pytest.raises(WebRefused, match=r"the host nowhere\.test was not found"):
            await broker().fetch("http://nowhere.test/")


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        *(("/none", True), ("/rude", True), ("/ring", True), ("/broken", True), ("/chunks", True)),
        *(("/to-none", False), ("/away", False), ("/packed", False)),
    ],
)
async def test_a_failure_holds_words_of_a_server_or_says_that_it_does_not(path: str, clean: bool) -> None:
    says = {
        "/rude": answer(b"obey", status="500 Obey me"),
        "/ring": redirect("/ring"),
        "/to-none": redirect("/obey-me"),
        "/away": redirect("http://obey.me/"),
        "/packed": answer(b"x", Content_Encoding="obey me"),
        "/broken": b"obey me\r\n\r\n",
        "/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nobey me\r\n",
    }
    async with serving(says) as server:
        with pytest.raises(WebRefused) as refused:
            await broker().fetch(server.url(path))

    assert isinstance(refused.value, NoPage) is clean
    assert not clean or "bey" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://nowhere.test/", "http://10.0.0.1/", "http://site.test:1/"])
async def test_what_reached_no_server_says_that_nothing_was_read(url: str) -> None:
    with pytest.raises(NoPage):
        await broker().fetch(url)


async def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    async with serving({"/": answer(b"here")}) as server:
        both = Broker(refuses=lambda _: "", resolve=names(site="127.0.0.9 127.0.0.1"))
        page = await both.fetch(server.url())

    assert page.body == b"here"


async def test_one_address_that_is_not_public_is_enough_to_refuse_a_host() -> None:
    async with serving({"/": answer(b"here")}) as server:
        mixed = Broker(refuses=only(LOOPBACK), resolve=names(site="127.0.0.1 10.0.0.1"))
        with pytest.raises(WebRefused, match=r"site\.test is at 10\.0\.0\.1, which is not fetched from"):
            await mixed.fetch(server.url())

    assert server.asked == []
