"""web_fetch and web_search, from the model's arguments to what it is told, over real HTTP on loopback."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.conversation.actions import Choice, Decision, Fetch, ToolKind, WebSearch
from agent_lsp.conversation.messages import ToolMessage
from agent_lsp.tools import ToolContext, ToolError
from agent_lsp.tools.web import web_fetch, web_search
from agent_lsp.web import Web
from agent_lsp.web.address import any_address
from agent_lsp.web.broker import Broker, FetchBounds
from agent_lsp.web.search import Searxng
from tests.conftest import call
from tests.house import house
from tests.tools.calls import done, prepared
from tests.web.server import LOOPBACK, Server, answer, names, only, redirect, serving


def online(context: ToolContext, server: Server, bounds: FetchBounds | None = None) -> ToolContext:
    broker = Broker(refuses=only(LOOPBACK), resolve=names(site="127.0.0.1"), bounds=bounds or FetchBounds())
    return replace(context, web=Web(broker, Searxng(Broker(refuses=any_address), server.url("/search", "127.0.0.1"))))


async def test_a_page_is_told_as_text_with_where_it_came_from(context: ToolContext) -> None:
    says = {"/a": redirect("/b"), "/b": answer(b"<h1>Hi</h1>", "text/html"), "/empty": answer(b"", "text/html")}
    async with serving(says) as server:
        web = online(context, server)
        told = [await done(web_fetch, web, url=server.url(path)) for path in ("/a", "/b", "/empty")]

    assert told == [f"[from {server.url('/b')}]\n# Hi", "# Hi", "(the page has no text)"]


async def test_a_long_page_says_that_it_was_cut(context: ToolContext) -> None:
    async with serving({"/": answer(b"x" * 5_000)}) as server:
        told = await done(web_fetch, online(context, server, FetchBounds(most_bytes=1_000)), url=server.url())

    assert told == "x" * 1_000 + "\n[the page is longer than the 1,000 bytes that are read]"


async def test_what_is_asked_for_is_the_address_in_its_one_form(context: ToolContext) -> None:
    action = await prepared(web_fetch, context, url="HTTPS://Docs.Python.org:443/3/../3/x#part")

    assert (action.kind, action.effect) == (ToolKind.FETCH, Fetch("https://docs.python.org/3/x"))
    assert action.title == "Fetch https://docs.python.org/3/x"


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "example.org", "http://me:pw@example.org/"),
        *("http://localhost:8000/", "https://a.localhost/", "http://169.254.169.254/latest", "http://[::1]/"),
    ],
)
async def test_what_is_no_page_is_refused_before_anybody_is_asked(context: ToolContext, url: str) -> None:
    with pytest.raises(ToolError):
        await prepared(web_fetch, context, url=url)


async def test_what_cannot_be_read_is_told_with_its_reason(context: ToolContext) -> None:
    async with serving({"/i": answer(b"\x89PNG\0", "image/png")}) as server:
        web = online(context, server)
        with pytest.raises(ToolError, match=r"^not fetched: http://site\.test:\d+/i is image/png, which is no text"):
            await done(web_fetch, web, url=server.url("/i"))
        with pytest.raises(
            ToolError, match=r"^not fetched: 127\.0\.0\.2 is not fetched from: it is not a public address"
        ):
            await done(web_fetch, web, url="http://127.0.0.2/")


async def test_results_are_told_with_their_addresses(context: ToolContext) -> None:
    results = [
        {"url": "https://example.org/a", "title": "One", "content": "first\nwords"},
        {"url": "https://example.org/b", "title": "Two"},
        {"url": "https://example.org/c", "title": "Three"},
    ]
    async with serving({"/search": answer(json.dumps({"results": results}).encode(), "application/json")}) as server:
        web = online(context, server)
        action = await prepared(web_search, web, query="a b")
        told = await done(web_search, web, query="a b", limit=2)
        nothing = json.dumps({"results": []}).encode()
        server.says["/search"] = answer(nothing, "application/json")
        none = await done(web_search, web, query="c")
        server.says["/search"] = answer(b"no", status="403 Forbidden")
        with pytest.raises(ToolError, match=r"^not searched: .* answered 403 Forbidden"):
            await done(web_search, web, query="c")

    assert action.effect == WebSearch("a b", "127.0.0.1", 8)
    assert told == "One\nhttps://example.org/a\nfirst words\n\nTwo\nhttps://example.org/b"
    assert none == "(nothing found)"


async def test_a_query_goes_only_to_the_engine_that_was_shown(context: ToolContext) -> None:
    async with serving({}) as server:
        action = await prepared(web_search, context, query="secret plan")
        with pytest.raises(ToolError, match="another search engine is set by now"):
            await web_search.perform(action, online(context, server))

    assert server.asked == []


async def test_in_a_turn_a_search_asks_first_and_a_private_page_is_refused_before_anybody_is_asked(
    workspace: Path, state: Path, script: Any
) -> None:
    results = json.dumps({"results": [{"url": "https://example.org/a", "title": "One"}]}).encode()
    async with serving({"/search": answer(results, "application/json"), "/private": answer(b"internal")}) as server:
        calls = [call("web_search", query="one"), call("web_fetch", url=server.url("/private", "127.0.0.1"))]
        search_url = server.url("/search", "127.0.0.1")
        async with house(script({"calls": calls}, {"text": "done"}), workspace, state, searchUrl=search_url) as built:
            await built.ask()
            told = [result.text for m in built.messages if isinstance(m, ToolMessage) for result in m.results]

    assert [request.action.title for request in built.asked] == ["Search the web for one"]
    assert told[0] == "One\nhttps://example.org/a"
    assert told[1] == "not fetched: 127.0.0.1 is not fetched from: it is not a public address"
    assert server.paths == ["/search?q=one&format=json"]


async def test_in_a_turn_a_denied_page_is_refused_and_a_refused_one_is_not_fetched(
    workspace: Path, state: Path, script: Any
) -> None:
    calls = [call("web_fetch", url="https://denied.example/x"), call("web_fetch", url="https://other.example/")]
    model = script({"calls": calls}, {"text": "done"})
    async with house(model, workspace, state, webDeny="denied.example") as built:
        built.answer = lambda _: Decision(Choice.REJECT)
        await built.ask()
        told = [result.text for m in built.messages if isinstance(m, ToolMessage) for result in m.results]

    assert len(built.asked) == 1
    assert told == [
        "Not done: your rule webDeny 'denied.example' is against it.",
        "Not done: the user rejected it.",
    ]
