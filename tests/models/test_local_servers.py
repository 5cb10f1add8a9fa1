"""A model server of the user's own machine is found, asked for once, and given the window that work needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent_lsp.conversation.actions import ApprovalRequest, Choice, Decision, ServerUse
from agent_lsp.conversation.entries import Decided
from agent_lsp.conversation.messages import StopReason, UserMessage
from agent_lsp.models import NoModel, Request
from agent_lsp.models.local_servers import LocalServer as Found
from agent_lsp.models.local_servers import found
from agent_lsp.models.model_cache import ModelCache
from agent_lsp.models.model_factory import Access, Surroundings
from agent_lsp.models.ollama import with_window
from agent_lsp.permissions import Preset
from agent_lsp.processes.run import Processes
from tests.house import House, house
from tests.models.local_server import LocalServer
from tests.models.provider import Hang, Provider, Reply, plain

OURS = "agent-lsp/qwen3-8b:32768"


@asynccontextmanager
async def at_home(server: Provider, workspace: Path, state: Path) -> AsyncIterator[House]:
    """A house whose user has set no model, on a machine where that server listens."""
    async with house("", workspace, state, localServers=server.url) as home:
        yield home


def always(_: ApprovalRequest) -> Decision:
    return Decision(Choice.ALLOW_ALWAYS)


async def test_a_server_is_offered_by_name_address_and_model_and_answers_when_it_is_allowed(
    workspace: Path, state: Path
) -> None:
    async with LocalServer("qwen3:8b").serving() as server, at_home(server, workspace, state) as home:
        done = await home.ask()

        assert [(request.action.effect, request.choices) for request in home.asked] == [
            (ServerUse("Ollama", server.url, "qwen3:8b"), (Choice.REJECT, Choice.ALLOW_ONCE, Choice.ALLOW_ALWAYS))
        ]
        assert (done.ending.text, done.cost) == ("Hello", 0.0)
        assert home.session
        [record] = [e.content for e in home.session.conversation.entries if isinstance(e.content, Decided)]
        assert (record.title, record.choice) == (f"Use Ollama at {server.url}", Choice.ALLOW_ONCE)
        await home.ask()
        assert len(home.asked) == 1  # as long as this daemon lives
    async with LocalServer("qwen3:8b").serving() as server, at_home(server, workspace, state) as home:
        await home.ask()
        assert len(home.asked) == 1


async def test_a_no_holds_as_long_as_the_daemon_and_no_answer_is_no_no(
    workspace: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # where no bundled model is
    async with LocalServer("qwen3:8b").serving() as server, at_home(server, workspace, state) as home:
        home.answer = lambda _: Decision(Choice.REJECT, answered=False)
        await home.ask()
        home.answer = lambda _: Decision(Choice.REJECT)
        await home.ask()
        await home.ask()
        assert len(home.asked) == 2


async def test_a_server_that_was_allowed_and_does_not_answer_now_is_named_and_nothing_takes_its_place(
    workspace: Path, state: Path
) -> None:
    async with LocalServer("qwen3:8b").serving() as server, at_home(server, workspace, state) as home:
        home.answer = always
        await home.ask()
    async with at_home(server, workspace, state) as home:
        done = await home.ask()
    assert done.ending.error == (
        f"the model server at {server.url} that you allowed does not answer: start it, or name another model in"
        " AGENT_LSP_MODEL (`bundled` is the small one)"
    )


async def test_a_server_that_was_allowed_for_good_is_not_asked_for_again_by_any_daemon(
    workspace: Path, state: Path
) -> None:
    async with LocalServer("qwen3:8b").serving() as server:
        async with at_home(server, workspace, state) as home:
            home.answer = always
            await home.ask()
        assert f"model_server: whatever listens at {server.url}" in (state / "allowed").read_text().splitlines()
        async with at_home(server, workspace, state) as home:
            done = await home.ask()
            assert (done.ending.text, home.asked) == ("Hello", [])
            said = await home.agent.status()
            assert (said.version, said.model, said.problem) == ("0.1.0", "openai-chat:qwen3:8b", "")
            assert (said.preset, said.sandbox) == (Preset.CONFIRM, "bubblewrap")


async def test_what_listens_at_another_address_is_asked_for_again(workspace: Path, state: Path) -> None:
    for _ in range(2):
        async with LocalServer("qwen3:8b").serving() as server, at_home(server, workspace, state) as home:
            home.answer = always
            await home.ask()
            assert len(home.asked) == 1


async def test_a_no_sends_nothing_and_names_the_other_ways(
    workspace: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # where no bundled model is
    async with LocalServer("qwen3:8b").serving() as server, at_home(server, workspace, state) as home:
        home.answer = lambda _: Decision(Choice.REJECT)
        done = await home.ask()

        assert done.ending.stop_reason is StopReason.FAILED
        assert done.ending.error.startswith(
            f"Ollama at {server.url} was found, but is not allowed (AGENT_LSP_MODEL=openai-chat:qwen3:8b with"
        )
        assert server.paths == ["/v1/models"]


async def test_where_nobody_is_asked_a_server_is_looked_at_and_not_used(
    workspace: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # where no bundled model is
    async with LocalServer("qwen3:8b").serving() as server, at_home(server, workspace, state) as home:
        await home.agent.warm()
        said = await home.agent.status()

    assert (said.model, said.problem.partition(" (")[0]) == (
        None,
        f"Ollama at {server.url} was found, but is not allowed",
    )
    assert set(server.paths) == {"/v1/models"}


async def test_nothing_is_looked_for_where_a_model_is_set(workspace: Path, state: Path) -> None:
    async with LocalServer("qwen3:8b").serving() as server:
        chosen = {"baseUrl": server.url, "localServers": server.url}
        async with house("openai-chat:other", workspace, state, **chosen) as home:
            assert (await home.ask()).ending.text == "Hello"
    assert server.paths == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    ("owner", "program"),
    [("organization_owner", "LM Studio"), ("llamacpp", "llama.cpp"), ("somebody", "a model server")],
)
async def test_servers_are_told_apart_by_what_they_say(owner: str, program: str) -> None:
    async with LocalServer("text-embedding-nomic", "llama-3", owner=owner).serving() as server:
        assert await found([server.url]) == Found(program, server.url, "llama-3")


@pytest.mark.parametrize(
    "reply",
    [
        Reply((b"<html>It works!</html>",), 200, {"content-type": "text/html"}),
        plain({"data": []}),
        plain({"object": "list", "data": []}),
        plain({"object": "list", "data": [{"id": "nomic-embed-text"}]}),
        plain({"error": "no"}, 500),
        plain([1, 2]),
        Reply((2.0,)),
        plain({"object": "list", "data": [{"id": "m"}]}, 302),
        plain({"object": "list", "data": [{"id": "m\n\x1b[2J"}, {"id": "\u202em"}, {"id": ""}, {"id": "m" * 301}]}),
        Reply((b'{"object": "list", "data": [{"id": "m"}], "more": "' + b"x" * (8 << 20), Hang)),
        Reply((b"[" * 100_000,)),
    ],
    ids=["page", "nothing", "empty", "embeddings", "error", "list", "silent", "redirect", "names", "endless", "deep"],
)
async def test_what_is_no_server_with_a_model_that_talks_is_passed_over(reply: Reply) -> None:
    async with Provider(reply).serving() as other, LocalServer("m").serving() as server:
        assert await found(["http://127.0.0.1:9/v1", "no address", other.url]) is None
        assert await found([other.url, server.url]) == Found("Ollama", server.url, "m")


async def test_ollama_is_asked_for_a_window_once_under_a_name_of_ours() -> None:
    async with LocalServer("qwen3:8b").serving() as server:
        assert await with_window(server.url, "qwen3:8b", None) == (OURS, 32_768)
        assert server.models == {"qwen3:8b": "", OURS: "num_ctx    32768"}
        assert await with_window(server.url, "qwen3:8b", None) == (OURS, 32_768)
    assert server.paths.count("/api/create") == 1


@pytest.mark.parametrize(
    ("parameters", "wished", "most", "model", "window"),
    [
        ("num_ctx    16384", None, 131_072, "qwen3:8b", 16_384),
        ("num_ctx    16384", 16_384, 131_072, "qwen3:8b", 16_384),
        ("num_ctx    16384", 65_536, 131_072, "agent-lsp/qwen3-8b:65536", 65_536),
        ("", 65_536, 8_192, "agent-lsp/qwen3-8b:8192", 8_192),
        ("", None, 8_192, "agent-lsp/qwen3-8b:8192", 8_192),
    ],
)
async def test_the_window_is_what_the_users_say_and_never_more_than_the_model_can(
    parameters: str, wished: int | None, most: int, model: str, window: int
) -> None:
    async with LocalServer("qwen3:8b", most=most).serving() as server:
        server.models["qwen3:8b"] = parameters
        assert await with_window(server.url, "qwen3:8b", wished) == (model, window)


async def test_a_model_that_ollama_does_not_have_is_named_with_the_remedy() -> None:
    async with LocalServer("qwen3:8b").serving() as server:
        with pytest.raises(NoModel, match=r"Ollama does not have 'qwen9': `ollama pull qwen9` fetches it"):
            await with_window(server.url, "qwen9", None)


async def test_an_ollama_that_answers_otherwise_is_said_to() -> None:
    async with Provider(plain({"error": "out of disk"}, 500)).serving() as server:
        said = r"^Ollama at http://\S+ does not answer as it should \(status 500: out of disk\): .*$"
        with pytest.raises(NoModel, match=said):
            await with_window(server.url, "m", None)


ENDLESS = Reply((b'{"model_info": "' + b"x" * (8 << 20), Hang))


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (Reply((b"{",)), "its word on the model cannot be read"),
        (plain({"model_info": []}), "its word on the model cannot be read"),
        (plain({}, 302), "status 302: no reason given"),
        (plain({"error": "a\nb" * 1_000}, 503), f"status 503: {('a b' * 1_000)[:200]}"),
        (ENDLESS, "its word on the model cannot be read"),
    ],
    ids=["cut", "other", "redirect", "long", "endless"],
)
async def test_whatever_an_ollama_says_its_fault_is_one_line_with_the_remedy(reply: Reply, what: str) -> None:
    async with Provider(reply).serving() as server:
        with pytest.raises(NoModel) as told:
            await with_window(server.url, "m", None)

    root = server.url.removesuffix("/v1")
    assert str(told.value) == (
        f"Ollama at {root} does not answer as it should ({what}): see whether it runs, and update it"
    )


@pytest.mark.parametrize("odd", [-1, 0, True, "many", 1.5, 10**400, None])
async def test_a_window_that_can_be_none_is_as_if_ollama_had_not_told_it(odd: object) -> None:
    async with LocalServer("qwen3:8b", most=odd).serving() as server:
        server.models["qwen3:8b"] = f"num_ctx    {'9' * 5_000}"
        assert await with_window(server.url, "qwen3:8b", None) == (OURS, 32_768)


async def test_a_turn_asks_ollama_under_the_name_that_has_the_window(workspace: Path, state: Path) -> None:
    async with LocalServer("qwen3:8b").serving() as server, at_home(server, workspace, state) as home:
        await home.ask()
    assert server.asked[-1].body["model"] == OURS


async def test_what_turns_side_by_side_make_is_all_closed_in_the_end(tmp_path: Path) -> None:
    async def allow(_: Found) -> bool:
        return True

    async with LocalServer("qwen3:8b").serving() as server:
        supply = ModelCache(Surroundings(tmp_path, no_files, Processes(), {}))
        access = await supply.reachable(Access(tmp_path), [server.url], allow)
        models = [priced.model for priced in await asyncio.gather(supply.model(access), supply.model(access))]
        for model in models:
            assert [chunk async for chunk in model.stream(Request("", (UserMessage("hi"),), (), 100))]
        await supply.close()
        for model in models:
            with pytest.raises(RuntimeError, match="closed"):
                await anext(model.stream(Request("", (UserMessage("hi"),), (), 100)))


async def no_files() -> tuple[str, ...]:
    return ()
