"""Each protocol's rules for a request, as strict as its strictest provider enforces them."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

Json = dict[str, Any]
IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp"}


def check(protocol: str, body: Json) -> None:
    """Fails where the provider would answer 400."""
    json.dumps(body, allow_nan=False)
    {"anthropic": _messages, "openai-chat": _chat, "openai-responses": _responses}[protocol](body)


def _chat(body: Json) -> None:
    assert set(body) <= {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "tools",
    }
    waiting: list[str] = []
    for place, message in enumerate(body["messages"]):
        match message["role"]:
            case "system":
                assert place == 0
                assert set(message) == {"role", "content"}
            case "tool":
                assert set(message) == {"role", "tool_call_id", "content"}
                assert message["tool_call_id"] in waiting
                waiting.remove(message["tool_call_id"])
                assert message["content"].strip()
                continue
            case "assistant":
                assert set(message) <= {"role", "content", "tool_calls", "reasoning_content", "reasoning_details"}
                assert message["content"] or message["tool_calls"]
            case role:
                assert role == "user"
                assert set(message) == {"role", "content"}
                _chat_content(message["content"])
        assert not waiting, "a call without a result"
        for call in message.get("tool_calls", []):
            assert set(call) <= {"id", "type", "function", "extra_content"}
            assert re.fullmatch(r"[\w.:-]{1,40}", call["id"])
            assert call["id"] not in waiting
            assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call["function"]["name"])
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
            waiting.append(call["id"])
    assert not waiting, "a call without a result"
    assert body["messages"][-1]["role"] in {"user", "tool"}


def _chat_content(content: str | list[Json]) -> None:
    assert content
    for part in content if isinstance(content, list) else []:
        match part["type"]:
            case "text":
                assert set(part) == {"type", "text"}
                assert part["text"].strip()
            case kind:
                assert (kind, set(part), set(part["image_url"])) == ("image_url", {"type", "image_url"}, {"url"})
                _image_url(part["image_url"]["url"])


def _image_url(url: str) -> None:
    kind, data = url.split(";base64,")
    assert kind.removeprefix("data:") in IMAGES
    base64.b64decode(data, validate=True)


def _messages(body: Json) -> None:
    assert set(body) <= {"model", "max_tokens", "stream", "tools", "system", "messages"}
    assert 1 <= _markers(body) <= 4
    before: set[str] = set()
    ids: set[str] = set()
    for place, message in enumerate(body["messages"]):
        assert message["role"] == ("assistant" if place % 2 else "user"), "roles take turns, the user begins"
        assert message["content"], "a message without content"
        results = [block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"]
        assert set(results) == before, "each call has its result in the next message, and no other has one"
        assert len(results) == len(set(results))
        assert [block["type"] for block in message["content"][: len(results)]] == ["tool_result"] * len(results)
        before = set()
        for block in message["content"]:
            _block(block, message["role"])
            if block["type"] == "tool_use":
                assert block["id"] not in ids, "ids are unique"
                ids.add(block["id"])
                before.add(block["id"])
        assert message["content"][-1]["type"] not in {"thinking", "redacted_thinking"}
    assert not before
    assert body["messages"][-1]["role"] == "user"


def _block(block: Json, role: str) -> None:
    own = {key: value for key, value in block.items() if key != "cache_control"}
    match block["type"]:
        case "text":
            assert set(own) == {"type", "text"}
            assert block["text"].strip()
        case "thinking":
            assert role == "assistant"
            assert set(block) == {"type", "thinking", "signature"}
            assert block["signature"]
        case "redacted_thinking":
            assert role == "assistant"
            assert set(block) == {"type", "data"}
        case "tool_use":
            assert role == "assistant"
            assert set(own) == {"type", "id", "name", "input"}
            assert re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"])
            assert re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", block["name"])
            assert isinstance(block["input"], dict)
        case kind:
            assert kind == "tool_result"
            assert role == "user"
            assert set(own) <= {"type", "tool_use_id", "content", "is_error"}
            _result_content(block["content"])


def _result_content(content: str | list[Json]) -> None:
    blocks: list[Json] = content if isinstance(content, list) else [{"type": "text", "text": content}]
    for block in blocks:
        if block["type"] == "text":
            assert set(block) == {"type", "text"}
            assert block["text"].strip()
            continue
        assert (block["type"], set(block)) == ("image", {"type", "source"})
        assert block["source"]["type"] == "base64"
        assert block["source"]["media_type"] in IMAGES
        base64.b64decode(block["source"]["data"], validate=True)


def _markers(value: object) -> int:
    if isinstance(value, dict):
        return ("cache_control" in value) + sum(_markers(one) for one in value.values())
    return sum(_markers(one) for one in value) if isinstance(value, list) else 0


def _responses(body: Json) -> None:
    allowed = {"model", "instructions", "input", "stream", "store", "include", "max_output_tokens", "tools"}
    allowed |= {"prompt_cache_key"}
    assert set(body) <= allowed
    assert body["store"] is False
    waiting: list[str] = []
    thought = False
    for item in body["input"]:
        match item["type"]:
            case "message":
                kind = {"user": "input_text", "assistant": "output_text"}[item["role"]]
                assert all(part["type"] == kind and part["text"] for part in item["content"])
                assert not (thought and item["role"] == "user"), "reasoning without what followed it"
                assert not waiting or item["role"] == "assistant", "a call without a result"
            case "reasoning":
                assert item["encrypted_content"] or item["content"], "nothing is stored there"
                assert "summary" in item
                thought = True
                continue
            case "function_call":
                assert set(item) == {"type", "call_id", "name", "arguments"}
                assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", item["name"])
                assert 1 <= len(item["call_id"]) <= 64
                assert isinstance(json.loads(item["arguments"]), dict)
                assert item["call_id"] not in waiting
                waiting.append(item["call_id"])
            case kind:
                assert kind == "function_call_output"
                assert item["call_id"] in waiting
                _output(item["output"])
                waiting.remove(item["call_id"])
        thought = False
    assert not waiting
    assert not thought


def _output(output: str | list[Json]) -> None:
    assert output
    for part in output if isinstance(output, list) else []:
        if part["type"] == "input_text":
            assert set(part) == {"type", "text"}
            assert part["text"]
            continue
        assert (part["type"], set(part)) == ("input_image", {"type", "image_url"})
        _image_url(part["image_url"])
