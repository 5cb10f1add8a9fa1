"""A reply of llama.cpp's chat completions, while its events arrive."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from agent_lsp.conversation.messages import Usage
from agent_lsp.models import BadResponse, Passing
from agent_lsp.models.wire.refusals import error_message


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Delta(_Wire):
    content: str | None = None


class _Choice(_Wire):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Details(_Wire):
    cached_tokens: int = 0


class _Usage(_Wire):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details = _Details()


class _Event(_Wire):
    id: str = ""
    choices: tuple[_Choice, ...] = ()
    usage: _Usage | None = None
    error: object = None


@dataclass
class Reply:
    """What has arrived. `finish` is `stop` or `length`, empty until the end; `id` is the server's."""

    id: str = ""
    text: str = ""
    finish: str = ""
    usage: Usage = field(default_factory=Usage)

    def take(self, data: str) -> str:
        """The text that an event adds. Raises ModelError."""
        try:
            event = _Event.model_validate_json(data)
        except ValidationError as error:
            raise BadResponse(f"the bundled model sent an event that cannot be read: {data[:200]}") from error
        if event.error:
            raise Passing(f"the bundled model broke off: {error_message(data) or data[:200]}")
        self.id = self.id or event.id.removeprefix("chatcmpl-")
        if event.usage:
            self.usage = _usage(event.usage)
        return "".join(self._choice(choice) for choice in event.choices)

    def _choice(self, choice: _Choice) -> str:
        self.finish = choice.finish_reason or self.finish
        text = choice.delta.content or ""
        self.text += text
        return text


def _usage(wire: _Usage) -> Usage:
    cached = wire.prompt_tokens_details.cached_tokens
    return Usage(
        input_tokens=max(0, wire.prompt_tokens - cached),
        cache_read_tokens=cached,
        output_tokens=wire.completion_tokens,
    )
