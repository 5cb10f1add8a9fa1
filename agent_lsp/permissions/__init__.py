"""What it may do: a verdict on an action, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ruling(StrEnum):
    """What becomes of an action."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ruling and why, in words for the user (ASK) or the model (DENY).

    `rule` is the user's rule that decided, as it is written; empty where none did. `standing` tells whether a yes
    may cover later calls, too.
    """

    ruling: Ruling
    reason: str
    rule: str = ""
    standing: bool = False


class Preset(StrEnum):
    """Named policies, the tightest first."""

    PLAN = "plan"
    CONFIRM = "confirm"
    EDITS = "edits"
    AUTO = "auto"

    def looser_than(self, other: Preset) -> bool:
        order = list(Preset)
        return order.index(self) > order.index(other)
