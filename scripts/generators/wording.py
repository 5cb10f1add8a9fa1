"""A setting's row in words, as documents and editors show it."""

from __future__ import annotations

import math
import sys
from collections.abc import Sized
from enum import StrEnum
from typing import assert_never

from agent_lsp.settings.row import Row, Tighter, Who

_NO_LIMIT = (sys.maxsize, math.inf)


def who_may_set(row: Row) -> str:
    """Return who may set it, as a cell of a table has it."""
    mark = row.mark
    match mark.who:
        case Who.USER:
            return "only you"
        case Who.TIGHTEN:
            return f"you; others may only {_made_tighter(row)} it"
        case Who.ADD:
            return "you; others may only add to it"
        case Who.ANYONE:
            return f"anyone; to `{mark.reserved}…` only you" if mark.reserved else "anyone"
        case _:
            assert_never(mark.who)


def what_a_workspace_may(row: Row) -> str:
    """Return what a workspace's settings may do with it, as a sentence."""
    mark = row.mark
    match mark.who:
        case Who.USER:
            return "Read from your own settings only."
        case Who.TIGHTEN:
            return f"A workspace can only {_made_tighter(row)} it."
        case Who.ADD:
            return "A workspace can only add to it."
        case Who.ANYONE:
            return f"A workspace can set it, except to `{mark.reserved}…`." if mark.reserved else ""
        case _:
            assert_never(mark.who)


def default(row: Row) -> str:
    """Return its default; empty if there is none."""
    value = row.field.default
    if value in _NO_LIMIT:
        return "no limit"
    if value is None or (isinstance(value, Sized) and not value):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"{value:,g}" if value < 1_000_000 else f"{value:,}"
    return f"`{value}`" if isinstance(value, StrEnum) else ", ".join(f"`{one}`" for one in value)


def _made_tighter(row: Row) -> str:
    return "lower" if row.mark.tighter is Tighter.LOWER else "tighten"
