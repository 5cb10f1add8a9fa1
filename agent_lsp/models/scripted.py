"""A model that says what a YAML file tells it to: for tests, demonstrations and benchmarks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Notice,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from agent_lsp.models import (
    BadRequest,
    Chunk,
    Completed,
    ConnectionLost,
    KeyRefused,
    ModelError,
    NoModel,
    Passing,
    RateLimited,
    Request,
    TextChunk,
    ThinkingChunk,
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScriptedCall(_Strict):
    """A tool call that a step makes."""

    tool: str
    arguments: dict[str, Any] | str = Field(default_factory=dict)  # Any: whatever the script wants sent
    id: str = ""


class HttpError(_Strict):
    """The provider's refusal: its HTTP status and the seconds it asks to wait."""

    status: int
    retry_after: float | None = None


class ErrorFault(_Strict):
    """The request is refused."""

    error: HttpError


class Counts(_Strict):
    """Tokens that a step claims to have used."""

    input_tokens: int = 0
    output_tokens: int = 0


class ScriptedStep(_Strict):
    """One answer: its thinking, text and calls; `delay_ms` passes before each word; `fault` comes after the text."""

    text: str = ""
    thinking: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    delay_ms: float = 0
    usage: Counts = Counts()
    stop: StopReason = StopReason.END_TURN
    fault: Literal["disconnect", "hang"] | ErrorFault | None = None


class Script(_Strict):
    """The file: `turns` for any prompt, and under `when` a list for prompts that contain its name.

    A list starts anew with each prompt that takes it.
    """

    turns: tuple[ScriptedStep, ...] = ()
    when: dict[str, tuple[ScriptedStep, ...]] = Field(default_factory=dict)
    context_window: int = 200_000


def read_script(file: Path) -> Script:
    """The script in `file`. Raises NoModel, naming the file and the place, when it is none."""
    try:
        return Script.model_validate(yaml.safe_load(file.read_text("utf-8")) or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NoModel(f"the script {file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise NoModel(f"the script {file} is wrong at '{place}': {first['msg']}") from error


class ScriptedModel:
    """Follows a script. `asked` keeps every request."""

    note = ""

    def __init__(self, script: Script, name: str = "scripted") -> None:
        self.name, self.context_window = name, script.context_window
        self.asked: list[Request] = []
        self._script = script

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.asked.append(request)
        prompt, number = _place(request)
        steps = self._steps_for(prompt)
        if number >= len(steps):
            raise BadRequest(f"the script has {len(steps)} steps for this prompt, and was asked for one more")
        async for chunk in _play(steps[number], self.name, number):
            yield chunk

    async def close(self) -> None:
        """Nothing is held."""

    def _steps_for(self, prompt: str) -> Sequence[ScriptedStep]:
        for words, steps in self._script.when.items():
            if words in prompt:
                return steps
        return self._script.turns


def _place(request: Request) -> tuple[str, int]:
    """The prompt of the running turn and the number of answers since."""
    answers = 0
    for message in reversed(request.messages):
        match message:
            case UserMessage():
                return message.text, answers
            case AssistantMessage():
                answers += 1
            case ToolMessage() | Notice():
                pass
    return "", answers


async def _play(step: ScriptedStep, name: str, number: int) -> AsyncGenerator[Chunk, None]:
    if step.thinking:
        yield ThinkingChunk(step.thinking)
    for word in _words(step.text):
        if step.delay_ms:
            await asyncio.sleep(step.delay_ms / 1000)
        yield TextChunk(word)
    if step.delay_ms and not step.text:
        await asyncio.sleep(step.delay_ms / 1000)
    if step.fault is not None:
        await _fail(step.fault)
    yield Completed(_message(step, name, number))


def _words(text: str) -> list[str]:
    return [part for word in text.split(" ") for part in (word, " ")][:-1] if text else []


async def _fail(fault: Literal["disconnect", "hang"] | ErrorFault) -> None:
    match fault:
        case "hang":
            await asyncio.Event().wait()
        case "disconnect":
            raise ConnectionLost("the script broke the connection")
        case ErrorFault():
            raise _refusal(fault.error)


def _refusal(error: HttpError) -> ModelError:
    text = f"the script answers with status {error.status}"
    if error.status in {401, 403}:
        return KeyRefused(text)
    if error.status == 429:
        return RateLimited(text, retry_after=error.retry_after)
    if error.status >= 500:
        return Passing(text, retry_after=error.retry_after)
    return BadRequest(text)


def _message(step: ScriptedStep, name: str, number: int) -> AssistantMessage:
    calls = tuple(
        ToolCall(
            id=call.id or f"call_{number}_{index}",
            tool=call.tool,
            arguments=call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments),
        )
        for index, call in enumerate(step.calls)
    )
    thinking = (Thinking(step.thinking),) if step.thinking else ()
    text = (Text(step.text),) if step.text else ()
    usage = Usage(input_tokens=step.usage.input_tokens, output_tokens=step.usage.output_tokens)
    return AssistantMessage((*thinking, *text, *calls), name, usage, step.stop)
