"""The web as the settings have it."""

from __future__ import annotations

from agent_lsp.web import Denied, Web
from agent_lsp.web.address import any_address
from agent_lsp.web.broker import Broker
from agent_lsp.web.search import DuckDuckGo, Searxng


def chosen(search_url: str | None = None, denied: Denied = lambda _: "") -> Web:
    """Pages but for those that are `denied`, and DuckDuckGo or the engine at `search_url`, which may be a private one.

    Raises WebRefused for a `search_url` that is no address.
    """
    if search_url:
        return Web(Broker(denied=denied), Searxng(Broker(refuses=any_address), search_url))
    return Web(Broker(denied=denied), DuckDuckGo(Broker()))
