"""Messages of a conversation and the parts they are made of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum


class StopReason(StrEnum):
    """Why a turn ended (wire values of `stopReason`)."""

    END_TURN = "end_turn"
    MAX_TOKENS = "max_tokens"
    REFUSAL = "refusal"
    CANCELLED = "cancelled"
    BUDGET_SPENT = "budget_spent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used: tokens as the provider counted them, and calls and steps as we did.

    `input_tokens` are those neither read from nor written to a cache; `reasoning_tokens` are part of
    `output_tokens`.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    tool_calls: int = 0
    steps: int = 0

    def __add__(self, other: Usage) -> Usage:
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        return Usage(**sums)

    @property
    def tokens(self) -> int:
        """All tokens in and out, cached ones included."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Text:
    """Words for the reader."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought aloud before it answered.

    `raw` is the provider's own JSON of it (signatures, encrypted text), for the model that wrote it only.
    """

    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A request of the model. `arguments` is the JSON text exactly as the model wrote it.

    `raw` is JSON with what else its provider wants back with it, for the model that wrote it only.
    """

    id: str
    tool: str
    arguments: str
    raw: str = ""


class ResultStatus(StrEnum):
    """How a tool call ended."""

    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told about one of its calls."""

    call_id: str
    text: str
    status: ResultStatus = ResultStatus.DONE


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A prompt, or words that joined a running turn; `context` is what the editor showed with it."""

    text: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """One answer of a model, with what it used and why it stopped."""

    parts: tuple[Text | Thinking | ToolCall, ...]
    model: str
    usage: Usage = Usage()
    stop: StopReason = StopReason.END_TURN

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """The results of one assistant message's calls, in the order of the calls."""

    results: tuple[ToolResult, ...]


Message = UserMessage | AssistantMessage | ToolMessage
