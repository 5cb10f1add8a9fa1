"""The embedded default: a small local model, guided by a grammar, that reads and creates named files."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from agent_lsp.conversation.messages import (
    AssistantMessage,
    Message,
    Notice,
    ResultStatus,
    StopReason,
    Text,
    ToolCall,
    ToolMessage,
    ToolResult,
    Usage,
    UserMessage,
)
from agent_lsp.models import BadResponse, Chunk, Completed, ConnectionLost, Request, TextChunk
from agent_lsp.models.bundled import guided_prompt as prompts
from agent_lsp.models.bundled.llama_reply import Reply
from agent_lsp.models.bundled.llama_server import LlamaServer
from agent_lsp.models.bundled.named_files import asks_for_change, named_new, new_files
from agent_lsp.processes.run import Processes

WINDOW = 8192
_ACTION_TOKENS, _CONTENT_TOKENS, _ANSWER_TOKENS = 250, 200, 120
_PROSE_PENALTY = 1.05
_ANSWER_OPTIONS: Mapping[str, object] = {"stop": ["\n\n"]}
_NO_CHANGES = "\n\n(The bundled model cannot change existing files; a larger model can.)"


class BundledModel:
    """llama.cpp in a child process, started at the first turn. `list_files` tells the workspace's paths."""

    name, context_window = "bundled", WINDOW
    note = (
        "The bundled model is small: it reads a file you name and creates a file you name, to try things out."
        " For real work set ANTHROPIC_API_KEY or OPENAI_API_KEY, or for a local server"
        " AGENT_LSP_MODEL=openai-chat:MODEL and AGENT_LSP_BASE_URL."
    )

    def __init__(
        self,
        model_file: Path,
        state_dir: Path,
        list_files: Callable[[], Awaitable[Sequence[str]]],
        processes: Processes,
    ) -> None:
        self._server = LlamaServer(model_file, state_dir, WINDOW, processes)
        self._list_files = list_files

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        step = _Step(self._server, request, _turn(request.messages))
        async with aclosing(step.chunks(self._list_files)) as chunks:
            async for chunk in chunks:
                yield chunk
        yield Completed(step.message(self.name))

    async def close(self) -> None:
        await self._server.close()


@dataclass(frozen=True, slots=True)
class _Turn:
    """The running turn: its prompt, and its calls with their results."""

    prompt: str
    seen: str
    done: tuple[tuple[ToolCall, ToolResult], ...]


def _turn(messages: Sequence[Message]) -> _Turn:
    prompt, calls, done = UserMessage(""), dict[str, ToolCall](), list[tuple[ToolCall, ToolResult]]()
    for message in messages:
        match message:
            case UserMessage():
                prompt, calls, done = message, {}, []
            case Notice():  # of no use to a model that changes no file that exists
                pass
            case AssistantMessage():
                calls |= {call.id: call for call in message.calls}
            case ToolMessage():
                done += [(calls[result.call_id], result) for result in message.results if result.call_id in calls]
    return _Turn(prompt.text, prompt.context, tuple(done))


@dataclass
class _Step:
    """One answer in the making."""

    server: LlamaServer
    request: Request
    turn: _Turn
    parts: list[Text | ToolCall] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    stop: StopReason = StopReason.END_TURN

    async def chunks(self, list_files: Callable[[], Awaitable[Sequence[str]]]) -> AsyncGenerator[Chunk, None]:
        files = await list_files()
        chunks = self._after_result(files) if self.turn.done else self._first(files)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def message(self, model: str) -> AssistantMessage:
        return AssistantMessage(tuple(self.parts), model, self.usage, self.stop)

    async def _first(self, files: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        tools = {tool.name for tool in self.request.tools}
        offered = prompts.choices(self.turn.prompt, self.turn.seen, files, tools)
        if not (offered.any_tool and await self._act(offered)):
            async with aclosing(self._speak(prompts.answer_messages(self.turn.prompt))) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _after_result(self, files: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        call, result = self.turn.done[-1]
        path = _path(call)
        if result.status is not ResultStatus.DONE:
            yield self._told(_refusal(call.tool, path, result))
            return
        if pending := self._still_to_write(files):
            await self._act(prompts.Choices(write=pending), read=f"{path}:\n{result.text}")
            return
        if call.tool == "list_files":
            yield self._told(prompts.listing(named_new(self.turn.prompt, files), result.text))
            return
        otherwise = f"{path} is written." if call.tool == "write_file" else ""
        async with aclosing(self._speak(self._about(call, path, result), otherwise)) as chunks:
            async for chunk in chunks:
                yield chunk
        if call.tool == "read_file" and asks_for_change(self.turn.prompt):
            yield self._told(_NO_CHANGES)

    def _still_to_write(self, files: Sequence[str]) -> tuple[str, ...]:
        """Files that the prompt wants, when until now others were read only."""
        offered = any(tool.name == "write_file" for tool in self.request.tools)
        if not offered or any(call.tool == "write_file" for call, _ in self.turn.done):
            return ()
        return new_files(self.turn.prompt, files)

    def _about(self, call: ToolCall, path: str, result: ToolResult) -> list[prompts.PromptMessage]:
        if call.tool == "write_file":
            return prompts.written_messages(path)
        return prompts.read_messages(self.turn.prompt, path or call.tool, result.text)

    async def _act(self, offered: prompts.Choices, read: str = "") -> bool:
        """Lets the model choose an action; False when it chose to answer."""
        messages = prompts.action_messages(self.turn.prompt)
        reply = await self._ask(messages, _ACTION_TOKENS, response_format=prompts.action_schema(offered))
        chosen = prompts.read_action(reply.text, offered)
        if chosen is None:
            raise BadResponse(f"the bundled model chose no action that was offered: {reply.text[:200]!r}")
        if chosen.tool == "answer":
            return False
        arguments = chosen.arguments
        if chosen.tool == "write_file":
            arguments |= {"content": await self._content(arguments["path"], read)}
        self.parts.append(ToolCall(f"call_{reply.id}", chosen.tool, json.dumps(arguments, ensure_ascii=False)))
        return True

    async def _content(self, path: str, read: str) -> str:
        messages = prompts.content_messages(self.turn.prompt, path, read)
        penalty = 1.0 if prompts.language_of(path) else _PROSE_PENALTY
        reply = await self._ask(messages, _CONTENT_TOKENS, stop=["```"], repeat_penalty=penalty)
        if not reply.text.strip():
            raise BadResponse(f"the bundled model wrote nothing into {path}")
        return prompts.read_content(reply.text, whole=reply.finish == "stop")

    async def _ask(self, messages: list[prompts.PromptMessage], most_tokens: int, **options: object) -> Reply:
        """A reply that nobody watches being written."""
        reply = Reply()
        async with aclosing(self._deltas(reply, messages, most_tokens, options)) as deltas:
            async for _ in deltas:
                pass
        return reply

    async def _speak(self, messages: list[prompts.PromptMessage], otherwise: str = "") -> AsyncGenerator[Chunk, None]:
        """An answer as it is written; `otherwise` where the model has nothing to say."""
        reply, most = Reply(), min(_ANSWER_TOKENS, self.request.max_output_tokens)
        async with aclosing(self._deltas(reply, messages, most, _ANSWER_OPTIONS)) as deltas:
            async for text in deltas:
                yield TextChunk(text)
        self.parts.append(Text(reply.text))
        if not reply.text.strip():
            if not otherwise:
                raise BadResponse("the bundled model said nothing")
            yield self._told(otherwise)
        if reply.finish == "length" and most < _ANSWER_TOKENS:
            self.stop = StopReason.MAX_TOKENS

    def _told(self, text: str) -> TextChunk:
        self.parts.append(Text(text))
        return TextChunk(text)

    async def _deltas(
        self, reply: Reply, messages: list[prompts.PromptMessage], most_tokens: int, options: Mapping[str, object]
    ) -> AsyncGenerator[str, None]:
        body = {"messages": messages, "temperature": 0, "max_tokens": most_tokens, **options}
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        async with aclosing(self.server.events(body)) as events:
            async for data in events:
                if data.strip() != "[DONE]" and (text := reply.take(data)):
                    yield text
        self.usage += reply.usage
        if not reply.finish:
            raise ConnectionLost("the bundled model's process ended in the middle of its answer")


def _path(call: ToolCall) -> str:
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        return ""
    path = arguments.get("path") if isinstance(arguments, dict) else None
    return path if isinstance(path, str) else ""


def _refusal(tool: str, path: str, result: ToolResult) -> str:
    if result.status is ResultStatus.REJECTED:
        return f"You rejected the change to {path}: nothing was written."
    reason = next(iter(result.text.strip().splitlines()), "no reason given")
    return f"{tool} {path} did not work: {reason[:300]}"
