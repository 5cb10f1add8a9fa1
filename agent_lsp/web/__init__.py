"""WHAT THE WEB SAYS: pages and search results, through one broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class WebRefused(Exception):
    """Something is not fetched, or could not be; the message tells the model why, and what to do."""


class NoPage(WebRefused):
    """It came to nothing before anything was read that a server wrote: the message holds no words of a server."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a server sent: decoded bytes, at most as many as the broker takes; `cut` when there were more.

    `url` is where it came from after redirects; `media_type` is in lower case without parameters.
    """

    url: str
    media_type: str
    charset: str
    body: bytes = field(repr=False)
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result."""

    title: str
    url: str
    excerpt: str


class Fetches(Protocol):
    """Gets what stands at an address."""

    async def fetch(self, url: str, form: dict[str, str] | None = None) -> Page:
        """A page; with `form` it is posted. Raises WebRefused."""

    def must_be_public(self, url: str) -> None:
        """Raises WebRefused for a canonical address that says by itself that it is not; no name is looked up."""


class Searches(Protocol):
    """A search engine; `via` is the host that it asks."""

    @property
    def via(self) -> str:
        """The address that sees the query."""

    async def search(self, query: str, limit: int) -> tuple[Hit, ...]:
        """At most `limit` results, best first. Raises WebRefused."""


@dataclass(frozen=True, slots=True)
class Web:
    """What the tools of the web use."""

    pages: Fetches
    engine: Searches


Denied = Callable[[str], str]
"""Why an address must never be fetched, by the user's rules; empty when nothing is against it."""
