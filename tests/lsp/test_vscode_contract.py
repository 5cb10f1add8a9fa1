"""What the VS Code extension says on the wire is in the contract's table."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from agent_lsp import NAME, PROTOCOL
from agent_lsp.lsp import contract

EXTENSION = Path(__file__).parents[2] / "editor-clients" / "vscode"
CONTRACT = (EXTENSION / "src" / "contract.ts").read_text("utf-8")


def constant(name: str) -> str:
    """The source of a constant, up to its semicolon."""
    found = re.search(rf"^export const {name} = (.*?);$", CONTRACT, re.DOTALL | re.MULTILINE)
    assert found, name
    return found[1]


def words(name: str) -> list[str]:
    """The strings in a constant, in their order."""
    return re.findall(r"'([^']*)'", constant(name))


def fields_of(name: str) -> dict[str, bool]:
    """The fields of an interface, those of its base included, with whether they must be there."""
    found = re.search(rf"^export interface {name}(?: extends (\w+))? {{\n(.*?)^}}", CONTRACT, re.DOTALL | re.MULTILINE)
    assert found, name
    own = {field: not mark for field, mark in re.findall(r"^  (\w+)(\??):", found[2], re.MULTILINE)}
    return {**(fields_of(found[1]) if found[1] else {}), **own}


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def test_names_and_kinds_are_those_of_the_contract() -> None:
    assert words("SERVER_NAME") == [NAME]
    assert constant("PROTOCOL") == str(PROTOCOL)
    assert words("REQUEST_ASK") == [contract.REQUEST_ASK]
    assert words("REQUEST_APPROVAL") == [contract.REQUEST_APPROVAL]
    assert words("NOTIFICATION_EVENT") == [contract.NOTIFICATION_EVENT]
    assert sorted(words("COMMAND")) == sorted(contract.COMMANDS)
    assert words("EVENTS") == list(contract.EVENTS)
    assert words("DECISIONS") == list(contract.DECISIONS)
    assert words("SURFACES") == list(contract.SURFACES)


def test_every_event_has_its_shape() -> None:
    union = re.search(r"^export type EventBody =\n(.*?);\n\n", CONTRACT, re.DOTALL | re.MULTILINE)
    deltas = re.search(r"^export interface DeltaBody {\n(.*?)^}", CONTRACT, re.DOTALL | re.MULTILINE)
    assert union
    assert deltas
    shaped = re.findall(r"kind: '(\w+)'", union[1]) + re.findall(r"'(\w+Delta)'", deltas[1])
    assert sorted(shaped) == sorted(contract.EVENTS)


@pytest.mark.parametrize(
    "name",
    [
        "AskParams",
        "CancelParams",
        "DecideParams",
        "SessionParams",
        "ContinueParams",
        "HistoryParams",
        "ChangesParams",
        "BranchParams",
        "TrustParams",
    ],
)
def test_params_have_the_fields_of_the_contract(name: str) -> None:
    known = {camel(field.name): field.default is attrs.NOTHING for field in attrs.fields(getattr(contract, name))}
    assert fields_of(name) == known


def test_no_other_file_names_a_command_or_a_method() -> None:
    ours = [*contract.COMMANDS, contract.REQUEST_ASK, contract.REQUEST_APPROVAL, contract.NOTIFICATION_EVENT]
    quoted = re.compile("|".join(f"['\"`]{re.escape(word)}['\"`]" for word in ours))
    files = [file for file in (EXTENSION / "src").rglob("*.ts") if file.name != "contract.ts"]
    assert len(files) > 5
    assert [str(file) for file in files if quoted.search(file.read_text("utf-8"))] == []
