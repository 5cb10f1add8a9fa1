"""A key goes to its provider and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from agent_lsp.conversation.events import TextDelta
from agent_lsp.conversation.messages import UserMessage
from agent_lsp.models import Completed, Request, TextChunk
from agent_lsp.models.keys import KeyedModel
from agent_lsp.models.wire.wire_model import WireModel
from tests.conftest import Start, StartInProcess, call
from tests.house import house
from tests.models.provider import DONE, HELLO, Disconnect, Provider, Reply, delta, event
from tests.models.wires import CHAT

ASK = Request("Be brief.", (UserMessage("hi"),), (), 100)
KEY = "sk-secret-0123456789"
QUOTED = b'{"error": {"message": "Incorrect API key provided: sk-secret-0123456789"}}'


@pytest.mark.parametrize(
    "reply", [Reply((QUOTED,), 401), Reply((QUOTED,), 500), Reply((b"data: " + QUOTED + b"\n\n",))], ids=str
)
async def test_a_key_that_the_provider_quotes_is_seen_nowhere(
    in_process: StartInProcess, workspace: Path, state: Path, reply: Reply
) -> None:
    async with Provider(reply).serving() as provider:
        client = in_process(
            "openai-chat:x", AGENT_LSP_BASE_URL=provider.url, AGENT_LSP_API_KEY=KEY, AGENT_LSP_MAX_RETRIES="0"
        )
        await asyncio.to_thread(client.start, workspace)
        done = await asyncio.to_thread(client.command, "agent.ask", {"prompt": "go", "wait": True})
        assert done["stopReason"] == "failed"
        assert "Incorrect API key provided: [key]" in done["error"]["message"]
        assert provider.asked[0].headers["authorization"] == f"Bearer {KEY}"
        await asyncio.to_thread(client.stop)
    assert KEY not in str(client.messages)
    for file in state.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_a_command_does_not_inherit_keys(daemon: Start, workspace: Path, script: Callable[..., str]) -> None:
    client = daemon(
        script({"calls": [call("run_command", command="env; cat /proc/self/environ")]}, {"text": "ok"}),
        AGENT_LSP_API_KEY=KEY,
        OPENAI_API_KEY=KEY + "2",
        ANTHROPIC_API_KEY=KEY + "3",
    )
    client.answers["agent/requestApproval"] = lambda _: {"decision": "allow_once"}
    client.start(workspace, {"approvals": True})
    session = client.command("agent.ask", {"prompt": "go", "wait": True})["sessionId"]
    entries = client.command("agent.session", {"sessionId": session})["entries"]
    [result] = [result for entry in entries if entry.get("role") == "tool" for result in entry["results"]]
    assert "PATH=" in result["text"]
    assert KEY not in result["text"]


async def test_what_never_reached_the_provider_costs_nothing_and_what_broke_off_costs_its_worst(
    in_process: StartInProcess, workspace: Path
) -> None:
    async with Provider(Reply((b"data: {}\n\n", Disconnect)), Reply()).serving() as provider:
        for address, costs in ((provider.url, True), ("http://127.0.0.1:9/v1", False)):
            client = in_process("openai-chat:gpt-5-mini", AGENT_LSP_BASE_URL=address, AGENT_LSP_MAX_RETRIES="0")
            await asyncio.to_thread(client.start, workspace)
            done = await asyncio.to_thread(client.command, "agent.ask", {"prompt": "go", "wait": True})
            assert (done["stopReason"], done["cost"] > 0) == ("failed", costs)
            await asyncio.to_thread(client.stop)


REFUSED = Reply((b'{"error": {"message": "expired"}}',), 401)


async def test_a_command_prints_the_key_when_it_is_first_needed_and_again_when_it_was_refused(
    workspace: Path, state: Path, tmp_path: Path
) -> None:
    used = tmp_path / "used"
    line = f"echo a warning >&2; printf x >> '{used}'; echo key-$(wc -c < '{used}'); echo 'valid for an hour'"
    async with Provider(Reply(HELLO), REFUSED, Reply(HELLO)).serving() as provider:
        chosen = {"baseUrl": provider.url, "apiKeyCommand": line}
        async with house("openai-chat:m", workspace, state, **chosen) as home:
            assert not used.exists()
            assert [(await home.ask()).ending.text for _ in range(2)] == ["Hello", "Hello"]
    sent = [asked.headers["authorization"] for asked in provider.asked]
    assert sent == ["Bearer key-1", "Bearer key-1", "Bearer key-2"]


async def test_a_key_that_was_only_just_fetched_and_is_refused_is_an_end(workspace: Path, state: Path) -> None:
    async with Provider(REFUSED).serving() as provider:
        chosen = {"baseUrl": provider.url, "apiKeyCommand": "echo wrong"}
        async with house("openai-chat:m", workspace, state, **chosen) as home:
            assert (await home.ask()).ending.error_kind == "key_refused"
    assert len(provider.asked) == 1


async def test_an_answer_that_ends_with_a_refused_key_is_not_said_twice(workspace: Path, state: Path) -> None:
    refused = event(error={"message": "expired", "type": "authentication_error"})
    async with Provider(Reply(HELLO), Reply((delta(content="Hel"), refused)), Reply(HELLO)).serving() as provider:
        chosen = {"baseUrl": provider.url, "apiKeyCommand": "echo key"}
        async with house("openai-chat:m", workspace, state, **chosen) as home:
            first, broken = await home.ask(), await home.ask()
            said = "".join(one.text for one in home.events if isinstance(one, TextDelta))

    assert (first.ending.text, broken.ending.error_kind, said) == ("Hello", "key_refused", "HelloHel")
    assert len(provider.asked) == 2


async def test_a_key_that_is_fetched_anew_breaks_no_other_answer_off() -> None:
    slow = Reply((delta(content="Hel"), 0.2, delta(content="lo"), delta("stop"), DONE))
    async with Provider(slow, REFUSED, Reply(HELLO)).serving() as provider:
        keys = iter(("first", "second"))

        async def fetch() -> str:
            return next(keys)

        def keyed(_: str) -> WireModel:
            return CHAT.model(provider.url)

        model = KeyedModel(keyed(""), keyed, fetch)
        async with aclosing(model.stream(ASK)) as chunks:
            begun = [await anext(chunks)]
            other = [chunk async for chunk in model.stream(ASK)]
            rest = [chunk async for chunk in chunks]
        await model.close()

    ends = [chunk for chunk in (*rest, *other) if isinstance(chunk, Completed)]
    assert [begun, [end.message.text for end in ends]] == [[TextChunk("Hel")], ["Hello", "Hello"]]
    assert [*keys] == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("exit 3", "apiKeyCommand ended with 3: run it yourself to see why"),
        ("true", "apiKeyCommand printed nothing: it should print the key"),
    ],
)
async def test_a_command_that_gives_no_key_is_said_with_the_remedy(
    line: str, words: str, workspace: Path, state: Path
) -> None:
    async with house("openai-chat:m", workspace, state, apiKeyCommand=line) as home:
        ending = (await home.ask()).ending
    assert (ending.error_kind, ending.error) == ("no_model", words)


class Drawer(KeyringBackend):
    """A keyring of two entries."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        if service == "locked":
            raise KeyringLocked("the keyring is locked")
        if service == "broken":
            raise OSError("no bus:\n  Traceback" + " at all" * 1_000)
        return {("agent-lsp", "me"): KEY}.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


@pytest.fixture
def drawer() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(Drawer())  # type: ignore[no-untyped-call]  # the library says no types here
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("drawer")
async def test_a_key_is_taken_from_the_keyring_that_the_setting_names(workspace: Path, state: Path) -> None:
    async with Provider(Reply(HELLO)).serving() as provider:
        chosen = {"baseUrl": provider.url, "apiKey": "keyring:agent-lsp/me"}
        async with house("anthropic:m", workspace, state, **chosen) as home:
            await home.ask()
    assert provider.asked[0].headers["x-api-key"] == KEY


@pytest.mark.usefixtures("drawer")
@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            "agent-lsp/you",
            "the keyring holds no key for agent-lsp/you: `keyring set agent-lsp you` puts it there",
        ),
        ("locked/me", "the keyring cannot be read: the keyring is locked; unlock it, or set apiKeyCommand"),
        (
            "broken/me",
            f"the keyring cannot be read: {('no bus: Traceback' + ' at all' * 1_000)[:200]}; unlock it, or set"
            " apiKeyCommand",
        ),
    ],
)
async def test_a_keyring_without_the_key_is_said_with_the_remedy(
    place: str, words: str, workspace: Path, state: Path
) -> None:
    async with house("openai-chat:m", workspace, state, apiKey=f"keyring:{place}") as home:
        assert (await home.ask()).ending.error == words
