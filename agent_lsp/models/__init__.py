"""Who answers: the Model protocol, what it is asked, what it says, and how it fails."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Protocol

from agent_lsp.conversation.messages import AssistantMessage, Message


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ToolSpec:
    """A tool as a model is told of it: `schema` is the JSON Schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: everything the model sees, and how many tokens it may answer with.

    `conversation` names what it belongs to, for providers that find their cache by a name.
    """

    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    max_output_tokens: int
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class TextChunk:
    """More of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingChunk:
    """More of what the model thinks aloud."""

    text: str


@dataclass(frozen=True, slots=True)
class RetryChunk:
    """The request failed in a passing way and will be sent again after `seconds`.

    `may_have_cost` is False when the provider refused it before it did anything.
    """

    reason: str
    attempt: int
    attempts: int
    seconds: float
    may_have_cost: bool = True


@dataclass(frozen=True, slots=True)
class Completed:
    """The last chunk: the whole answer. It is not `counted` when its provider did not say what it used."""

    message: AssistantMessage
    counted: bool = True


@dataclass(frozen=True, slots=True)
class SentAgain:
    """The wait that a `RetryChunk` told of is over: now the request is sent again."""


Chunk = TextChunk | ThinkingChunk | RetryChunk | SentAgain | Completed


class Model(Protocol):
    """Something that answers a request with a stream of chunks, the last of which is `Completed`."""

    @property
    def name(self) -> str:
        """`protocol:model`, as users write it in settings."""

    @property
    def note(self) -> str:
        """One line that the user should know of this model; empty where there is nothing to say."""

    @property
    def context_window(self) -> int:
        """Tokens that request and answer may have together."""

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Streams the answer. Closing the generator closes the connection. Raises ModelError."""

    async def close(self) -> None:
        """Frees what the model holds; it is not asked again."""


class ModelError(Exception):
    """A request failed; the message is one line for the user. `kind` is the wire value of `error.kind`.

    `may_have_cost` is False for errors with which a provider refuses a request before it does anything.
    """

    kind = "model"
    may_have_cost = True


class Passing(ModelError):
    """Likely gone in a moment. `retry_after` in seconds, where the provider named a time."""

    kind = "provider_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConnectionLost(Passing):
    """No connection, or it broke."""

    kind = "connection"


class TimedOut(Passing):
    """The provider kept silent for too long."""

    kind = "timeout"


class RateLimited(Passing):
    """The provider asks to wait."""

    kind = "rate_limit"
    may_have_cost = False


class QuotaSpent(ModelError):
    """The provider wants money first: a quota or a credit is used up, and waiting does not help."""

    kind = "quota_spent"
    may_have_cost = False


class KeyRefused(ModelError):
    """The provider does not accept the key."""

    kind = "key_refused"
    may_have_cost = False


class ContextTooLong(ModelError):
    """The request has more tokens than the model takes."""

    kind = "context_too_long"
    may_have_cost = False


class BadRequest(ModelError):
    """The provider does not accept the request as it is."""

    kind = "bad_request"
    may_have_cost = False


class BadResponse(ModelError):
    """The provider answered with something that is no answer."""

    kind = "bad_response"


class NoModel(ModelError):
    """No model is configured, or the one configured cannot be used here."""

    kind = "no_model"
    may_have_cost = False
