"""A server's list of models: their names, their windows, and what to do without."""

from __future__ import annotations

import pytest

from agent_lsp.conformance.listing import Listed, is_local, listed_models, only_model
from agent_lsp.models import NoModel
from agent_lsp.models.wire.http import Endpoint
from tests.models.provider import Provider, Reply
from tests.models.wires import CHAT


@pytest.mark.parametrize(
    ("body", "then"),
    [
        (b'{"data": [{"id": "a", "max_model_len": 9}]}', (Listed("a", 9),)),
        (b'{"data": [{"id": "a", "max_context_length": 9, "loaded_context_length": 4}]}', (Listed("a", 4),)),
        (b'{"data": [{"id": "a", "context_length": 0}, {"id": "b"}]}', (Listed("a", None), Listed("b", None))),
        (b'{"data": []}', ()),
        (b'{"models": ["a"]}', ()),
        (b"<html>", ()),
        (b"", ()),
    ],
)
async def test_a_list_is_read_as_servers_write_it(body: bytes, then: tuple[Listed, ...]) -> None:
    async with Provider(Reply((body,))).serving() as provider:
        assert await listed_models(CHAT.wire, Endpoint(provider.url, {})) == then


def test_of_many_models_some_are_named() -> None:
    with pytest.raises(NoModel, match=r"^h has m0, .*, m11 and 8 more: name one with --model$"):
        only_model([Listed(f"m{number}", None) for number in range(20)], "h")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("[::1]", True),
        ("192.168.1.7", True),
        ("localhost", True),
        ("box.local", True),
        ("api.example.com", False),
        ("notlocalhost", False),
        ("8.8.8.8", False),
    ],
)
def test_a_host_of_the_users_own_network_is_known(host: str, *, local: bool) -> None:
    assert is_local(host) is local
