"""Search engines: DuckDuckGo, or one that the user has named."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pydantic import BaseModel

from agent_lsp.web import Fetches, Hit, NoPage, Page, WebRefused
from agent_lsp.web.location import canonical, host_of
from agent_lsp.web.page_text import decoded

if TYPE_CHECKING:
    from ddgs.engines.duckduckgo import Duckduckgo

_MOST_EXCERPT = 500


class DuckDuckGo:
    """The library `ddgs` says what to ask and reads the answer; the broker alone talks to the network."""

    via = "html.duckduckgo.com"

    def __init__(self, broker: Fetches, address: str = "https://html.duckduckgo.com/html/") -> None:
        self._broker, self._address = broker, address

    async def search(self, query: str, limit: int) -> tuple[Hit, ...]:
        engine = await asyncio.to_thread(_duckduckgo)
        form = engine.build_payload(query, "wt-wt", "moderate", None)
        try:
            page = await self._broker.fetch(self._address, form)
        except NoPage as error:
            raise NoPage(f"{error}; the user can set 'searchUrl' to another engine, SearXNG") from error
        return _best(await asyncio.to_thread(_read_html, engine, decoded(page)), limit)


class Searxng:
    """A SearXNG instance, or whatever answers `?q=…&format=json` as that does."""

    def __init__(self, broker: Fetches, address: str) -> None:
        """`address` is that of its search, such as `https://searx.example/search`. Raises WebRefused."""
        self._broker, self._address = broker, canonical(address)

    @property
    def via(self) -> str:
        return host_of(self._address)

    async def search(self, query: str, limit: int) -> tuple[Hit, ...]:
        joint = "&" if "?" in self._address else "?"
        try:
            page = await self._broker.fetch(f"{self._address}{joint}{urlencode({'q': query, 'format': 'json'})}")
        except NoPage as error:
            remedy = "the user can look whether it runs, allows the format 'json', and is what 'searchUrl' says"
            raise NoPage(f"{error}; {remedy}") from error
        return _best(_read_json(page), limit)


class _Result(BaseModel):
    url: str
    title: str = ""
    content: str | None = None


class _Results(BaseModel):
    results: list[_Result]


def _duckduckgo() -> Duckduckgo:
    from ddgs.engines.duckduckgo import Duckduckgo

    return Duckduckgo()


def _read_html(engine: Duckduckgo, html: str) -> list[Hit]:
    from lxml.etree import LxmlError

    try:
        found = engine.post_extract_results(engine.extract_results(html))
    except (LxmlError, ValueError) as error:
        raise WebRefused("DuckDuckGo answered with something that is no list of results: try later") from error
    return [Hit(result.title, result.href, result.body) for result in found]


def _read_json(page: Page) -> list[Hit]:
    try:
        found = _Results.model_validate(json.loads(page.body))
    except (ValueError, RecursionError) as error:  # a ValidationError is one of the first
        raise WebRefused(
            f"{host_of(page.url)} did not answer with JSON as SearXNG does: allow the format 'json' there"
        ) from error
    return [Hit(result.title, result.url, result.content or "") for result in found.results]


def _best(found: list[Hit], limit: int) -> tuple[Hit, ...]:
    """The first results whose address could be fetched, each once, on one line a part."""
    kept: dict[str, Hit] = {}
    for hit in found:
        with suppress(WebRefused):
            url = canonical(hit.url)
            kept.setdefault(url, Hit(_line(hit.title), url, _line(hit.excerpt)[:_MOST_EXCERPT]))
    return tuple(kept.values())[:limit]


def _line(text: str) -> str:
    return " ".join(text.split())
