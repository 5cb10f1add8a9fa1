"""`agent-lsp conformance`: what it prints, how it ends, and what it says of bad input."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent_lsp.cli.conformance import ConformanceOptions, conformance
from tests.conformance.test_conformance import HONEST, Play, slowly, status
from tests.models.provider import Provider, Reply
from tests.models.wires import CHAT, KITS, Call, Kit, Said, Words

KEY = "secret-key-of-the-user"
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    errors: str


Try = Callable[..., Awaitable[Done]]


@pytest.fixture
def tried(capsys: pytest.CaptureFixture[str]) -> Try:
    """Runs the command in process, in a thread: it has a loop of its own."""

    async def run(base_url: str, *, protocol: str = "openai-chat", most: float = 0.05, as_json: bool = False) -> Done:
        order = ConformanceOptions(base_url, protocol, None, most, as_json)
        code = await asyncio.to_thread(conformance, {"AGENT_LSP_API_KEY": KEY}, order)
        return Done(code, *capsys.readouterr())

    return run


async def run(home: Path, *words: str) -> Done:
    """Runs the command as a process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AGENT_LSP_", "XDG_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent_lsp",
        "conformance",
        *words,
        env={**kept, "HOME": str(home), "AGENT_LSP_API_KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    return Done(process.returncode or 0, out.decode(), errors.decode())


def models(*names: str, **more: object) -> Reply:
    return Reply((json.dumps({"data": [{"id": name, **more} for name in names]}).encode(),), headers=JSON)


def replies(listed: Reply, kit: Kit, **changed: Play) -> Sequence[Reply]:
    return [listed, *(play(kit) for play in {**HONEST, **changed}.values())]


@pytest.mark.parametrize("kit", KITS.values(), ids=KITS)
async def test_an_honest_server_ends_with_zero_and_a_table(kit: Kit, tried: Try) -> None:
    async with Provider(*replies(models("m", max_model_len=8_000), kit)).serving() as provider:
        done = await tried(provider.url, protocol=kit.wire.protocol)

    assert (done.code, done.errors) == (0, "")
    first, second, empty, *rows, blank, sums, used = done.out.splitlines()
    base = provider.url.removesuffix("/v1") if kit.wire.protocol == "anthropic" else provider.url
    assert first == f"{kit.wire.protocol}:m at {base}, window 8,000 tokens"
    assert second.startswith("at most 14 requests, ")
    assert (empty, blank, sums) == ("", "", "19 ok")
    assert rows[0].startswith("reachable       ok       status 200 after 0.")
    assert "content type    ok       text/event-stream" in rows
    assert used.startswith("used: 13 requests, ")
    assert used.endswith(" tokens, free")
    assert provider.asked[0].line.startswith("GET /v1/")
    header = "x-api-key" if kit.wire.protocol == "anthropic" else "authorization"
    assert all(KEY in asked.headers[header] for asked in provider.asked)


def hostile(kit: Kit) -> Reply:
    """An answer whose tool and stop reason would write over the terminal, were they shown as they came."""
    call = Call("c1", "\x1b[2Jread\u202e_file", ('{"path":', '"notes.txt"}'))
    return Reply(tuple(kit.streamed(Said((call,), "tools"))))


async def test_what_is_wrong_is_told_with_what_the_user_will_notice(tried: Try) -> None:
    said = Said((Words(("one two three four five ",) * 8),), output=0, fresh=0)
    plays: dict[str, Play] = {"hello": lambda kit: slowly(kit.streamed(said)), "call": hostile}
    async with Provider(*replies(models("m"), CHAT, **plays)).serving() as provider:
        done = await tried(provider.url)

    assert done.code == 1
    lines = done.out.splitlines()
    at = lines.index("usage           wrong    0 tokens in, 0 out")
    assert lines[at + 1 : at + 3] == [
        " " * 25 + "you will notice: what turns cost, and their limits, are",
        " " * 25 + "counted too low",
    ]
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert r"\x1b[2Jread\u202e_file" in done.out
    assert max(map(len, lines)) <= 80


async def test_json_has_what_the_table_has(tried: Try) -> None:
    plays: dict[str, Play] = {"unknown model": status(404, b"no")}
    async with Provider(*replies(models("m", context_length=8_000), CHAT, **plays)).serving() as provider:
        done = await tried(provider.url, as_json=True)

    told = json.loads(done.out)
    assert done.code == 0
    assert done.errors.startswith(f"openai-chat:m at {provider.url}, window 8,000 tokens\nat most 14 requests, ")
    assert (told["model"], told["baseUrl"], told["contextWindow"]) == ("openai-chat:m", provider.url, 8_000)
    assert (told["planned"]["requests"], told["planned"]["usd"], told["used"]["requests"]) == (14, 0.0, 13)
    assert next(one for one in told["findings"] if one["probe"] == "unknown model") == {
        "probe": "unknown model",
        "asks": "Is a wrong model's name told?",
        "verdict": "carried",
        "evidence": "of unknown form: 127.0.0.1 answered 404: no: check the model's name and the base URL",
        "tolerance": "the first words stand for an error of unknown form",
        "notice": "",
    }


async def test_the_most_to_spend_is_obeyed_and_said(tried: Try) -> None:
    async with Provider(models("gpt-5-mini")).serving() as provider:
        done = await tried(provider.url, most=0.0)

    assert done.code == 0
    assert "; --max-cost lets it have\n$0.0000" in done.out or "--max-cost lets it have $0.0000" in done.out
    assert "hello" not in done.out
    assert done.out.count("skipped: it could cost") == 19
    assert done.out.endswith("19 unknown\nused: 0 requests, 0 tokens, $0.0000\n")
    assert len(provider.asked) == 1


async def test_of_several_models_one_has_to_be_named(tried: Try) -> None:
    async with Provider(models("small", "large\x1b[2J")).serving() as provider:
        done = await tried(provider.url)

    told = r"agent-lsp: 127.0.0.1 has small, large\x1b[2J: name one with --model" + "\n"
    assert (done.code, done.out, done.errors) == (2, "", told)


async def test_a_server_without_a_list_needs_a_name(tried: Try) -> None:
    async with Provider(status(404)(CHAT)).serving() as provider:
        done = await tried(provider.url)

    assert (done.code, done.errors) == (2, "agent-lsp: 127.0.0.1 lists no models: name one with --model\n")


async def test_a_refused_key_is_one_line_without_the_key(tried: Try) -> None:
    words = json.dumps({"error": {"message": f"no such key: {KEY}"}}).encode()
    async with Provider(Reply((words,), 401)).serving() as provider:
        done = await tried(provider.url)

    told = "agent-lsp: 127.0.0.1 refused the key (401: no such key: [key]): check where it comes from"
    assert (done.code, done.out, done.errors.partition(" (the")[0]) == (1, "", told)
    assert KEY not in done.errors


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("http://127.0.0.1:1/v1", 1, "nothing answers at http://127.0.0.1:1/v1: "),
        ("nonsense", 2, "the base URL 'nonsense' is no address: write it as http://HOST:PORT/v1"),
        ("http://a:b", 2, "nothing can be sent to 'http://a:b': it should be as https://HOST/v1"),
    ],
)
async def test_an_address_that_is_none_is_one_line(tried: Try, url: str, code: int, words: str) -> None:
    done = await tried(url)

    assert (done.code, done.out) == (code, "")
    assert done.errors.startswith(f"agent-lsp: {words}")
    assert done.errors.count("\n") == 1


@pytest.mark.parametrize(
    "words", [(), ("--base-url", "http://a", "--protocol", "x"), ("--base-url", "http://a", "--max-cost", "nan")]
)
async def test_wrong_flags_are_a_wrong_use(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert (await run(tmp_path, *words)).code == 2


@pytest.mark.slow
async def test_the_command_line_says_where_how_and_for_how_much(tmp_path: Path) -> None:
    async with Provider(models("gpt-5-mini")).serving() as provider:
        words = ("--base-url", provider.url, "--protocol", "openai-responses", "--max-cost", "0", "--json")
        done = await run(tmp_path, *words)

    told = json.loads(done.out)
    assert (done.code, told["model"], told["used"]["usd"]) == (0, "openai-responses:gpt-5-mini", 0.0)
