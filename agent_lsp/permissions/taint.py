"""Taint: where untrusted text came from that a conversation holds. Once there, it stays."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from agent_lsp.conversation.messages import Message, ToolMessage
from agent_lsp.conversation.once import OncePerValue

_MOST_NAMED, _MOST_CHARACTERS = 3, 160


def of(messages: Iterable[Message]) -> str:
    """The sources of what is untrusted in these messages, in words, the oldest first; empty where all is clean.

    They are as they came: escape them where they are shown.

    Only results can be untrusted: prompts, with what the editor shows beside them, are the user's.
    """
    sources = list(dict.fromkeys(chain.from_iterable(_sources.each(messages))))
    if len(sources) > _MOST_NAMED:
        sources[_MOST_NAMED:] = [f"{len(sources) - _MOST_NAMED} more"]
    return "; ".join(sources)


@OncePerValue
def _sources(message: Message) -> tuple[str, ...]:
    results = message.results if isinstance(message, ToolMessage) else ()
    origins = (result.origin for result in results if not result.origin.provenance.trusted)
    return tuple(_brief(origin.source or origin.provenance) for origin in origins)


def _brief(source: str) -> str:
    return source if len(source) <= _MOST_CHARACTERS else f"{source[:_MOST_CHARACTERS]}…"
