"""What is generated from the contract is as the contract says, and the clients use it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_lsp.contract.answers import AskAnswer
from agent_lsp.contract.codec import alternatives, encode, parse
from agent_lsp.contract.entries import SessionEntry
from agent_lsp.contract.events import AgentEvent
from agent_lsp.contract.methods import METHODS
from agent_lsp.contract.names import NOTIFICATION_EVENT, REQUEST_APPROVAL, REQUEST_ASK, CommandName, EventKind
from scripts.generators import contract_lua, contract_page, contract_schema, contract_typescript
from scripts.generators.contract_examples import recorded
from scripts.generators.contract_model import elements
from scripts.generators.main import CHECKOUT, GENERATED

NEOVIM, VSCODE = CHECKOUT / "editor-clients" / "neovim", CHECKOUT / "editor-clients" / "vscode" / "src"
MADE = {
    "docs/protocol.md": contract_page.page,
    "docs/protocol.schema.json": contract_schema.schema,
    "editor-clients/neovim/lua/agent_lsp/types.lua": contract_lua.types,
    "editor-clients/vscode/src/contract.ts": contract_typescript.types,
}


@pytest.mark.parametrize("path", MADE)
def test_a_file_made_of_the_contract_is_as_scripts_generate_makes_it(path: str) -> None:
    text = (CHECKOUT / path).read_text("utf-8")

    assert GENERATED[path] is MADE[path]
    assert GENERATED[path](text) == text, f"{path} is stale: run scripts/generate"


@pytest.mark.parametrize("name", [name for name in METHODS if name != NOTIFICATION_EVENT])
def test_a_real_daemon_answers_each_method_as_the_contract_says(name: str) -> None:
    params, answer = recorded().params[name], recorded().answers[name]

    assert encode(parse(METHODS[name].params, params)) == params
    kind = METHODS[name].answer
    one = elements(kind)
    assert encode([read(one, each) for each in answer] if one else read(kind, answer)) == answer


def read(kind: object, raw: Any) -> object:
    """A value of a class of the contract, or of the first class of a union that fits."""
    if len(classes := alternatives(kind)) == 1:
        return parse(classes[0], raw)
    return parse(Held, {"answer": raw}).answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    answer: AskAnswer


def test_a_real_daemon_sends_each_kind_of_event_as_the_contract_says() -> None:
    assert set(recorded().events) == set(EventKind)
    for raw in recorded().events.values():
        assert encode(parse(AgentEvent, raw)) == raw


def test_a_real_daemon_tells_of_entries_as_the_contract_says() -> None:
    kept = recorded().entries

    assert set(kept) >= {"turnBegan", "message user", "message tool", "filesChanged", "undone", "redone", "turnEnded"}
    for raw in kept.values():
        assert encode(parse(SessionEntry, raw)) == raw


def test_the_schema_has_all_that_it_refers_to() -> None:
    schema = json.loads((CHECKOUT / "docs" / "protocol.schema.json").read_text("utf-8"))

    def references(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(references, value))
        if not isinstance(value, dict):
            return set()
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))

    assert references(schema) <= {f"#/$defs/{name}" for name in schema["$defs"]}
    assert set(schema["methods"]) == set(METHODS)


@pytest.mark.parametrize(("folder", "made", "marks"), [(NEOVIM, "types.lua", "'\""), (VSCODE, "contract.ts", "'\"`")])
def test_no_other_file_of_a_client_names_a_command_or_a_method(folder: Path, made: str, marks: str) -> None:
    names = [*CommandName, REQUEST_ASK, REQUEST_APPROVAL, NOTIFICATION_EVENT]
    texts = {file: file.read_text("utf-8") for file in folder.rglob(f"*{Path(made).suffix}") if file.name != made}

    assert len(texts) > 5
    quoted = [f"{mark}{name}{mark}" for name in names for mark in marks]
    assert [(file.name, name) for file, text in texts.items() for name in quoted if name in text] == []
