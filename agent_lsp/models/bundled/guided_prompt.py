"""What the bundled model is asked: it is so small that it gets few choices and little to read."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from agent_lsp.models.bundled.named_files import (
    MOST_PATH_BYTES,
    named_existing,
    named_folders,
    named_new,
    nearest,
    new_files,
)

PromptMessage = dict[str, str]

MOST_PROMPT_BYTES, MOST_RESULT_BYTES = 1_200, 2_000
"""A token is a byte at worst, and all that we send together must fit the window."""

_SYSTEM = (
    "You are a coding agent in a folder of files. Reply with the one JSON action that fits the request: "
    "read_file to see what a file says, write_file to create a new file, "
    "list_files to see which files there are, answer for anything else."
)
_EXAMPLES = (
    ("Which files are here?", {"tool": "list_files"}),
    ("Hello, who are you?", {"tool": "answer"}),
    ("Make list.txt with two names", {"tool": "write_file", "path": "list.txt"}),
    ("What does app.py do?", {"tool": "read_file", "path": "app.py"}),
    ("Create cat.py that prints meow", {"tool": "write_file", "path": "cat.py"}),
    ("Summarise notes.txt", {"tool": "read_file", "path": "notes.txt"}),
)
_CONTENT_SYSTEM = "You write files. You reply with the content of the file in one code block and nothing else."
_ANSWER_SYSTEM = "You are a helpful assistant. Answer in one or two short sentences."
_READ_SYSTEM = "You read a file and answer the user's question about it in two short sentences."
_PROSE_EXAMPLE = (
    "Make plan.md with a plan for the day",
    "plan.md",
    "# Plan\n\n1. Get up\n2. Work\n3. Go home\n",
)
_LANGUAGES = {
    ".c": "c",
    ".cpp": "cpp",
    ".css": "css",
    ".go": "go",
    ".html": "html",
    ".java": "java",
    ".js": "javascript",
    ".json": "json",
    ".lua": "lua",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "bash",
    ".sql": "sql",
    ".toml": "toml",
    ".ts": "typescript",
    ".yaml": "yaml",
    ".yml": "yaml",
}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the model may do: which paths it may read, create and list."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    list_files: bool = False
    folders: tuple[str, ...] = ()
    answer: bool = False

    @property
    def any_tool(self) -> bool:
        return bool(self.read or self.write or self.list_files)


class Chosen(BaseModel):
    """The action that the model chose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: str
    path: str | None = None

    @property
    def arguments(self) -> dict[str, str]:
        return {} if self.path is None else {"path": self.path}


def choices(prompt: str, seen: str, files: Sequence[str], tools: Collection[str]) -> Choices:
    """What fits a prompt; `seen` is what the editor showed with it, `files` are those of the workspace."""
    existing, absent = named_existing(prompt, files), named_new(prompt, files)
    readable = existing or (() if absent else named_existing(seen, files) or nearest(files))
    lists = "list_files" in tools and not existing
    return Choices(
        read=readable if "read_file" in tools else (),
        write=new_files(prompt, files) if "write_file" in tools else (),
        list_files=lists,
        folders=named_folders(prompt, files) if lists else (),
        answer=not existing and not absent,
    )


def action_schema(offered: Choices) -> dict[str, object]:
    """The JSON schema of what is offered. Every string is from a list: a free one may run on without end."""
    variants: list[dict[str, object]] = []
    if offered.read:
        variants.append(_variant("read_file", offered.read))
    if offered.write:
        variants.append(_variant("write_file", offered.write))
    if offered.list_files:
        variants.append(_variant("list_files", offered.folders))
    if offered.answer:
        variants.append(_variant("answer", ()))
    return {"type": "json_schema", "json_schema": {"name": "action", "schema": {"anyOf": variants}}}


def read_action(text: str, offered: Choices) -> Chosen | None:
    """The action in the model's words, where it is one of those offered."""
    try:
        chosen = Chosen.model_validate_json(text)
    except ValidationError:
        return None
    paths: Mapping[str, Sequence[str | None]] = {
        "read_file": offered.read,
        "write_file": offered.write,
        "list_files": (offered.folders or (None,)) if offered.list_files else (),
        "answer": (None,) if offered.answer else (),
    }
    return chosen if chosen.path in paths.get(chosen.tool, ()) else None


def action_messages(prompt: str) -> list[PromptMessage]:
    """Asks for an action."""
    messages = [_say("system", _SYSTEM)]
    for request, action in _EXAMPLES:
        messages += [_say("user", f"Request: {request}"), _say("assistant", json.dumps(action))]
    return [*messages, _say("user", f"Request: {shorten(prompt, MOST_PROMPT_BYTES)}")]


def content_messages(prompt: str, path: str, read: str) -> list[PromptMessage]:
    """Asks for a new file's content: the answer has begun with the opening fence, and goes on behind it."""
    known = f"{shorten(read, MOST_RESULT_BYTES)}\n\n" if read else ""
    language = language_of(path)
    return [
        _say("system", _CONTENT_SYSTEM),
        *([] if language else _content_example(*_PROSE_EXAMPLE)),
        _say("user", known + _content_request(prompt, path)),
        _say("assistant", f"```{language}\n"),
    ]


def language_of(path: str) -> str:
    """The mark of a code block in the file's programming language; empty for prose and the unknown."""
    return _LANGUAGES.get(PurePosixPath(path).suffix.lower(), "")


def read_content(text: str, *, whole: bool) -> str:
    """A file's content from the inside of a code block; of one cut off, what came before circles."""
    lines = text.strip("\n").split("\n")
    if not whole:
        lines = _before_circles(lines[:-1] or lines)
    return "\n".join(lines) + "\n"


def read_messages(prompt: str, path: str, result: str) -> list[PromptMessage]:
    """Asks for an answer about a file that was read."""
    file = f"{shorten(path, MOST_PATH_BYTES)}:\n{shorten(result, MOST_RESULT_BYTES)}"
    request = f"{file}\n\n{shorten(prompt, MOST_PROMPT_BYTES)}\nAnswer in two short sentences."
    return [_say("system", _READ_SYSTEM), _say("user", request)]


def written_messages(path: str) -> list[PromptMessage]:
    """Asks for a word about a file that was created."""
    request = f"The file {shorten(path, MOST_PATH_BYTES)} was just created. Say so in one short sentence."
    return [_say("system", _ANSWER_SYSTEM), _say("user", request)]


def answer_messages(prompt: str) -> list[PromptMessage]:
    """Asks for an answer to what needs no file."""
    return [_say("system", _ANSWER_SYSTEM), _say("user", shorten(prompt, MOST_PROMPT_BYTES))]


def listing(absent: Sequence[str], result: str) -> str:
    """Words about a listing: the model would only garble it."""
    missing = f"There is no {', '.join(absent)}. " if absent else ""
    return f"{missing}These are the files:\n{shorten(result, MOST_RESULT_BYTES)}"


def shorten(text: str, most_bytes: int) -> str:
    """The beginning of a text, cut to a number of bytes."""
    data = text.encode("utf-8", "replace")
    return text if len(data) <= most_bytes else data[:most_bytes].decode("utf-8", "ignore") + " …"


def _say(role: str, content: str) -> PromptMessage:
    return {"role": role, "content": content}


def _content_example(prompt: str, path: str, content: str) -> list[PromptMessage]:
    return [_say("user", _content_request(prompt, path)), _say("assistant", f"```\n{content}```")]


def _content_request(prompt: str, path: str) -> str:
    return f"{shorten(prompt, MOST_PROMPT_BYTES)}\nReply with the full content of {path} in one code block."


def _before_circles(lines: list[str]) -> list[str]:
    for count, line in enumerate(lines):
        if len(line.strip()) > 1 and line in lines[:count]:
            return lines[:count]
    return lines


def _variant(tool: str, paths: Sequence[str]) -> dict[str, object]:
    properties: dict[str, object] = {"tool": {"const": tool}}
    if paths:
        properties["path"] = {"enum": list(paths)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
