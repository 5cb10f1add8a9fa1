"""Search engines over real HTTP on loopback."""

from __future__ import annotations

import json

import pytest

from agent_lsp.web import Hit, NoPage, WebRefused
from agent_lsp.web.address import any_address
from agent_lsp.web.broker import Broker
from agent_lsp.web.search import DuckDuckGo, Searxng
from agent_lsp.web.setup import chosen
from tests.web.server import LOOPBACK, answer, names, only, serving

RESULTS = b"""<html><body><div class="results">
<div class="result__body"><h2><a href="https://docs.python.org/3/#round">round <b>half</b></a></h2>
<a href="https://docs.python.org/3/#round">It rounds
 to even.</a></div>
<div class="result__body"><h2>Ad</h2><a href="https://duckduckgo.com/y.js?ad=1">Buy</a></div>
<div class="result__body"><h2>Odd</h2><a href="javascript:alert(1)">Click</a></div>
<div class="result__body"><h2>Two</h2><a href="https://example.org/2">Second</a></div>
</div></body></html>"""
PYTHON = Hit("round half", "https://docs.python.org/3/", "It rounds to even.")
TWO = Hit("Two", "https://example.org/2", "Second")


async def test_duckduckgo_is_asked_through_the_broker_and_its_answer_is_read() -> None:
    async with serving({"/html/": answer(RESULTS, "text/html")}) as server:
        broker = Broker(refuses=only(LOOPBACK), resolve=names(duck="127.0.0.1"))
        engine = DuckDuckGo(broker, server.url("/html/", "duck.test"))
        found = await engine.search("round half & even", 5)
        first = await engine.search("round half & even", 1)

    assert (found, first) == ((PYTHON, TWO), (PYTHON,))
    assert server.bodies[0] == b"q=round+half+%26+even&b=&l=wt-wt"
    assert "cookie" not in server.asked[0].lower()


@pytest.mark.parametrize("body", [b"", b"<html><body>Are you a robot?</body></html>"])
async def test_duckduckgo_without_results_finds_nothing_or_says_so(body: bytes) -> None:
    async with serving({"/html/": answer(body, "text/html")}) as server:
        broker = Broker(refuses=only(LOOPBACK), resolve=names(duck="127.0.0.1"))
        engine = DuckDuckGo(broker, server.url("/html/", "duck.test"))
        if body:
            assert await engine.search("x", 5) == ()
        else:
            with pytest.raises(WebRefused, match="DuckDuckGo answered with something that is no list of results"):
                await engine.search("x", 5)


async def test_an_engine_of_the_users_own_may_be_a_private_one() -> None:
    results = [
        {"url": "https://example.org/2", "title": "Two", "content": "Second", "engine": "x"},
        {"url": "file:///etc/passwd", "title": "Odd"},
        {"url": "https://example.org/2#again", "title": "Twice"},
        {"url": "https://example.org/3", "title": "Three", "content": None},
    ]
    async with serving({"/search": answer(json.dumps({"results": results}).encode(), "application/json")}) as server:
        address = server.url("/search?language=en", "127.0.0.1")
        web = chosen(address)
        found = await web.engine.search("a&b", 5)

        with pytest.raises(WebRefused, match="it is not a public address"):
            await web.pages.fetch(address)

    assert found == (TWO, Hit("Three", "https://example.org/3", ""))
    assert server.paths == ["/search?language=en&q=a%26b&format=json"]


@pytest.mark.parametrize("body", [b"<html>", b"[" * 200_000, b"[]", b'{"results": [{}]}'])
async def test_an_engine_that_does_not_answer_with_json_is_named(body: bytes) -> None:
    async with serving({"/": answer(body, "text/html")}) as server:
        engine = Searxng(Broker(refuses=any_address), server.url("/", "127.0.0.1"))
        with pytest.raises(WebRefused, match=r"127\.0\.0\.1 did not answer with JSON as SearXNG does"):
            await engine.search("x", 5)


async def test_where_no_engine_is_reached_the_remedy_is_named() -> None:
    offline = Broker(refuses=any_address, resolve=names())
    with pytest.raises(NoPage, match=r"html\.duckduckgo\.com was not found.*; the user can set 'searchUrl'"):
        await DuckDuckGo(offline).search("x", 5)
    with pytest.raises(NoPage, match=r"could not be read: .*; the user can look whether it runs"):
        await Searxng(offline, "http://127.0.0.1:1/search").search("x", 5)


def test_the_host_that_sees_the_query_is_told() -> None:
    assert chosen().engine.via == "html.duckduckgo.com"
    assert chosen("http://searx.internal:8080/search").engine.via == "searx.internal"
