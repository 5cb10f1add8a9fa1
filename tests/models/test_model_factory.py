"""Which model answers, what the user is told of it, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent_lsp.conversation.messages import Usage
from agent_lsp.models import NoModel
from agent_lsp.models.local_servers import LocalServer
from agent_lsp.models.model_factory import VENDORS, Access, Surroundings, chosen, endpoint_of, made, priced
from agent_lsp.models.pricing import OwnPrice
from agent_lsp.processes.run import Processes

SERVER = LocalServer("Ollama", "http://127.0.0.1:1/v1", "qwen3:8b")
MINE = OwnPrice.model_validate({"input": 1, "output": 1, "contextWindow": 9_000})
MILLION = Usage(input_tokens=1_000_000)


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(tmp_path)


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    async def no_files() -> tuple[str, ...]:
        return ()

    return Surroundings(tmp_path, no_files, Processes(), {})


@pytest.mark.parametrize(
    ("have", "name"),
    [
        ({"name": "openai-chat:m", "openai_key": "k", "anthropic_key": "k"}, "openai-chat:m"),
        ({"anthropic_key": "k"}, "anthropic:claude-sonnet-5-5"),
        ({"openai_key": "k", "local": SERVER}, "openai-responses:gpt-6.1-terra"),
        ({"local": SERVER}, "openai-chat:qwen3:8b"),
    ],
)
def test_a_name_goes_first_then_a_key_then_a_server_of_this_machine(
    access: Access, have: dict[str, object], name: str
) -> None:
    assert chosen(replace(access, **have)) == name  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("have", "words"),
    [
        ({"openai_key": "k", "anthropic_key": "k"}, "both OPENAI_API_KEY and ANTHROPIC_API_KEY are set"),
        ({"base_url": "http://a.example"}, "the server at http://a.example needs a model's name"),
        ({"key": "k"}, "AGENT_LSP_API_KEY has a key, but for whom?"),
        ({"key_command": "pass x"}, "apiKeyCommand has a key, but for whom?"),
        (
            {"refused": SERVER},
            "Ollama at http://127.0.0.1:1/v1 was found, but is not allowed (AGENT_LSP_MODEL=openai-chat:qwen3:8b",
        ),
        (
            {"gone": "http://127.0.0.1:1/v1"},
            "the model server at http://127.0.0.1:1/v1 that you allowed does not answer",
        ),
        ({}, "no model is configured. Set ANTHROPIC_API_KEY or OPENAI_API_KEY"),
    ],
)
def test_what_leads_to_no_model_is_said_with_the_remedy(access: Access, have: dict[str, object], words: str) -> None:
    with pytest.raises(NoModel) as caught:
        chosen(replace(access, **have))  # type: ignore[arg-type]  # fields by name

    assert str(caught.value).startswith(words)


def test_a_default_model_is_introduced_with_its_price_and_one_that_was_named_is_not(
    access: Access, around: Surroundings
) -> None:
    access = replace(access, anthropic_key="k")
    name = chosen(access)

    assert made(name, access, around).note == (
        "claude-sonnet-5-5, the default here, costs $2.00 in and $10.00 out for a million tokens;"
        " AGENT_LSP_MODEL names another"
    )
    assert made(name, replace(access, name=name), around).note == ""


def test_a_server_of_this_machine_costs_nothing_unless_the_users_table_says_so(access: Access) -> None:
    at_home = replace(access, local=SERVER)

    assert priced("openai-chat:gpt-4o", at_home).cost(MILLION) == 0
    assert priced("openai-chat:gpt-4o", replace(at_home, prices={"gpt-4o": MINE})).cost(MILLION) == 1
    assert priced("openai-chat:gpt-4o", replace(access, base_url="http://127.0.0.1:1")).cost(MILLION) != 0


@pytest.mark.parametrize(
    ("window", "own", "expected"),
    [(5_000, {"gpt-4o": MINE}, 5_000), (None, {"gpt-4o": MINE}, 9_000), (None, {}, 128_000)],
)
def test_the_window_is_the_settings_then_the_users_tables_then_the_lists(
    access: Access, around: Surroundings, window: int | None, own: dict[str, OwnPrice], expected: int
) -> None:
    have = replace(access, openai_key="k", context_window=window, prices=own)

    assert made("openai-chat:gpt-4o", have, around).context_window == expected


@pytest.mark.parametrize("key", [lambda have: replace(have, key_command="echo k"), lambda have: replace(have, key="k")])
def test_a_model_is_known_before_its_key_is_fetched(
    access: Access, around: Surroundings, key: Callable[[Access], Access]
) -> None:
    model = made("anthropic:claude-sonnet-5-5", key(replace(access, name="anthropic:claude-sonnet-5-5")), around)

    assert (model.name, model.context_window, model.note) == ("anthropic:claude-sonnet-5-5", 1_000_000, "")


@pytest.mark.parametrize(
    ("protocol", "more", "sent"),
    [
        ("openai-chat", {}, {"authorization": "Bearer openai's"}),
        ("openai-responses", {"key": "mine"}, {"authorization": "Bearer mine"}),
        ("openai-chat", {"base_url": "https://proxy.example/v1"}, {"authorization": "Bearer openai's"}),
        ("anthropic", {}, {"anthropic-version": "2023-06-01", "x-api-key": "anthropic's"}),
        ("openai-chat", {"local": SERVER}, {}),
        ("openai-chat", {"local": SERVER, "key": "mine"}, {"authorization": "Bearer mine"}),
    ],
)
def test_a_key_goes_where_the_user_sent_it_and_never_to_a_server_that_was_only_found(
    access: Access, protocol: str, more: dict[str, object], sent: dict[str, str]
) -> None:
    keys = replace(access, openai_key="openai's", anthropic_key="anthropic's")
    have = replace(keys, **more)  # type: ignore[arg-type]  # fields by name

    assert endpoint_of(VENDORS[protocol], have).headers == sent


def test_what_has_a_key_does_not_show_it(access: Access) -> None:
    have = replace(access, key="sk-0123456789", key_command="echo sk-0123456789", openai_key="sk-0123456789")

    assert "sk-0123456789" not in f"{have} {endpoint_of(VENDORS['openai-chat'], have)}"
