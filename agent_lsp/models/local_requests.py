"""Short questions to model servers of the user's own machine, which may be anything that listens there."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

_MOST_BYTES = 4 << 20
"""Ollama's word on a model, with its licence and template, is the longest."""


def small_client(seconds: float) -> httpx.AsyncClient:
    """A client for `small_answer`. No proxy is asked, and no redirect followed: it is this machine that is meant."""
    headers = {"accept-encoding": "identity"}
    return httpx.AsyncClient(timeout=seconds, trust_env=False, follow_redirects=False, headers=headers)


async def small_answer(
    client: httpx.AsyncClient, url: str, order: Mapping[str, object] | None = None
) -> httpx.Response:
    """The answer to a GET, or to a POST of `order`. What is longer than 4 MB is cut, and then no JSON.

    Raises httpx.HTTPError and httpx.InvalidURL.
    """
    body = b""
    async with client.stream("GET" if order is None else "POST", url, json=order) as response:
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > _MOST_BYTES:
                break
    return httpx.Response(response.status_code, content=body[:_MOST_BYTES])
