"""The types of settings that are more than a number or a text, and how the environment writes them."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from agent_lsp.models.pricing import OwnPrice
from agent_lsp.permissions.rules import must_name_a_tool, parsed
from agent_lsp.permissions.web_rules import must_be_web_rule
from agent_lsp.tools.names import NAMES
from agent_lsp.web import WebRefused
from agent_lsp.web.location import canonical


def _from_json(value: object) -> object:
    """Parse a table as the environment has it."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _from_words(value: object) -> object:
    """Parse a list as the environment has it: words, or a JSON list, which begins as an IPv6 address does."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, list) else value.replace(",", " ").split()


def _from_rules(value: object) -> object:
    """Parse a list of rules as the environment has it: JSON, since their patterns may hold blanks and commas."""
    try:
        return _from_json(value)
    except ValueError:
        raise ValueError('write a list: ["run_command(npm test)", "edit_file(docs/**)"]') from None


def _rules(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        must_name_a_tool(parsed(text), NAMES)
    return texts


def _web_rules(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        must_be_web_rule(text)
    return texts


def _address(value: str) -> str:
    """Return an address of the web in canonical form."""
    try:
        return canonical(value)
    except WebRefused as error:
        raise ValueError(str(error)) from error


WebAddress = Annotated[str, AfterValidator(_address)]
PriceTable = Annotated[dict[str, OwnPrice], BeforeValidator(_from_json)]
RuleTexts = Annotated[tuple[str, ...], BeforeValidator(_from_rules), AfterValidator(_rules)]
WebTexts = Annotated[tuple[str, ...], BeforeValidator(_from_words), AfterValidator(_web_rules)]
Words = Annotated[tuple[str, ...], BeforeValidator(_from_words)]
