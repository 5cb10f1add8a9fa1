"""What an answer's events literally say, before any tolerance: the three wire protocols in one form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent_lsp.conformance.recording import Exchange, Json
from agent_lsp.models.wire import anthropic, openai_chat, openai_responses


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a tool call. `index` is None and the texts are empty where the event has none."""

    index: object
    id: str
    name: str
    arguments: object


@dataclass(frozen=True, slots=True)
class Facts:
    """Literally what was said.

    `stop` is the provider's own word, empty where it said none; `for_tools` and `for_length` are what that word means,
    None where the protocol has no word for it.
    `ended` tells whether the protocol's last event came, `hollow` whether that event told of nothing.
    """

    stop: str = ""
    for_tools: bool | None = None
    for_length: bool = False
    ended: bool = False
    hollow: bool = False
    usage: Json | None = None
    usage_in_choice: bool = False
    deltas: int = 0
    fragments: tuple[Fragment, ...] = ()

    @property
    def input_tokens(self) -> int | None:
        """The provider's own count of the request, whatever it means by it."""
        return self._count("prompt_tokens", "input_tokens")

    @property
    def total_tokens(self) -> int | None:
        """Its count of request and answer together."""
        return self._count("total_tokens")

    def _count(self, *names: str) -> int | None:
        counts = [(self.usage or {}).get(name) for name in names]
        return next((count for count in counts if isinstance(count, int)), None)


def facts_of(protocol: str, exchange: Exchange) -> Facts:
    """What the events of an answer over `protocol` say."""
    return _READERS[protocol](exchange)


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _last(values: Iterator[str]) -> str:
    return next((value for value in reversed([*values]) if value), "")


def _chat(exchange: Exchange) -> Facts:
    events = exchange.events
    choices = [choice for event in events for choice in _objects(event.get("choices"))[:1]]
    deltas = [_object(choice.get("delta") or choice.get("message")) for choice in choices]
    usages = [_object(event.get("usage")) for event in events if event.get("usage")]
    inside = [_object(choice.get("usage")) for choice in choices if choice.get("usage")]
    stop = _last(_text(choice.get("finish_reason")) for choice in choices)
    return Facts(
        stop=stop,
        for_tools=stop in {"tool_calls", "function_call"},
        for_length=stop == "length",
        ended=any(data.strip() == "[DONE]" for data in exchange.data) or not exchange.streamed,
        usage=next(reversed(usages or inside), None),
        usage_in_choice=bool(inside and not usages),
        deltas=sum(bool(choice.get("delta")) for choice in choices if _object(choice.get("delta")).get("content")),
        fragments=tuple(_chat_fragment(one) for delta in deltas for one in _objects(delta.get("tool_calls"))),
    )


def _chat_fragment(wire: Json) -> Fragment:
    function = _object(wire.get("function"))
    return Fragment(wire.get("index"), _text(wire.get("id")), _text(function.get("name")), function.get("arguments"))


def _messages(exchange: Exchange) -> Facts:
    events = exchange.events
    whole = next((event for event in events if event.get("type") == "message"), {})
    reasons = (_text(_object(event.get("delta")).get("stop_reason")) for event in events)
    stop = _last(reasons) or _text(whole.get("stop_reason"))
    counts = [_object(_object(event.get("message")).get("usage") or event.get("usage")) for event in events]
    usage: Json = {name: value for count in counts for name, value in count.items()}
    return Facts(
        stop=stop,
        for_tools=stop == "tool_use",
        for_length=stop in {"max_tokens", "model_context_window_exceeded"},
        ended=bool(whole) or any(event.get("type") == "message_stop" for event in events),
        usage=usage or None,
        deltas=sum(_object(event.get("delta")).get("type") == "text_delta" for event in events),
        fragments=tuple(_messages_fragments(events, whole)),
    )


def _messages_fragments(events: Sequence[Json], whole: Json) -> Iterator[Fragment]:
    for event in events:
        block, delta = _object(event.get("content_block")), _object(event.get("delta"))
        if block.get("type") == "tool_use":
            yield Fragment(event.get("index"), _text(block.get("id")), _text(block.get("name")), block.get("input"))
        if delta.get("type") == "input_json_delta":
            yield Fragment(event.get("index"), "", "", delta.get("partial_json"))
    for place, block in enumerate(_objects(whole.get("content"))):
        if block.get("type") == "tool_use":
            yield Fragment(place, _text(block.get("id")), _text(block.get("name")), block.get("input"))


_ENDS = {"response.completed", "response.incomplete"}


def _responses(exchange: Exchange) -> Facts:
    events = exchange.events
    last = next((event for event in reversed(events) if event.get("type") in _ENDS), None)
    whole = next((event for event in events if event.get("object") == "response" and "type" not in event), {})
    response = _object(last.get("response")) if last else whole
    reason = _text(_object(response.get("incomplete_details")).get("reason"))
    cut = bool(reason) or response.get("status") == "incomplete"
    items = any(event.get("type") == "response.output_item.added" for event in events)
    return Facts(
        stop=reason or _text(response.get("status")),
        for_length=cut and reason != "content_filter",
        ended=bool(response),
        hollow=bool(last) and items and not response.get("output"),
        usage=_object(response.get("usage")) or None,
        deltas=sum(event.get("type") == "response.output_text.delta" for event in events),
        fragments=tuple(_responses_fragments(events)),
    )


def _responses_fragments(events: Sequence[Json]) -> Iterator[Fragment]:
    for event in events:
        item = _object(event.get("item"))
        if event.get("type") == "response.output_item.added" and item.get("type") == "function_call":
            yield Fragment(
                event.get("output_index"), _text(item.get("call_id")), _text(item.get("name")), item.get("arguments")
            )
        if event.get("type") == "response.function_call_arguments.delta":
            yield Fragment(event.get("output_index"), "", "", event.get("delta"))


_READERS: dict[str, Callable[[Exchange], Facts]] = {
    openai_chat.WIRE.protocol: _chat,
    openai_responses.WIRE.protocol: _responses,
    anthropic.WIRE.protocol: _messages,
}
