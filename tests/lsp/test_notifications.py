"""What a client is told of turns, and what is kept for it."""

from __future__ import annotations

import asyncio

from agent_lsp.agent import Ending
from agent_lsp.contract.handshake import ClientOptions
from agent_lsp.conversation.messages import StopReason, Usage
from agent_lsp.lsp import transport
from agent_lsp.lsp.notifications import ClientView
from agent_lsp.session import Asked, Finished


async def test_the_tokens_of_a_turn_that_was_cancelled_before_it_began_are_not_kept() -> None:
    server = transport.Server("test", "1", protocol_cls=transport.Protocol, converter_factory=transport.new_converter)

    async def go_on(_: str) -> None: ...

    view = ClientView(server, ClientOptions(), go_on)
    finished: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
    view.follow(Asked("turn_1", "session_1", joined=False, finished=finished), "mine", 7)
    assert view.turn_of("mine") == "turn_1"
    finished.set_result(Finished("turn_1", "session_1", Ending(StopReason.CANCELLED), Usage(), 0.0))
    await asyncio.sleep(0)
    assert (view.progress, view.partial) == ({}, {})
