"""Which images the model sees of those it was shown: the newest, as many as one request may have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from agent_lsp.conversation.messages import Image, Message, ToolMessage
from agent_lsp.conversation.once import OncePerValue

_MOST = 20
"""With more of them in a request, none may have over 2,000 pixels a side (Anthropic, "Vision": general limits)."""
_MOST_CHARACTERS = 16_000_000
"""Of base64 in one request, of whose 20 MB, the least that a provider takes, the rest is for words (Gemini, "Image
understanding"; Anthropic and OpenAI take more)."""
_LEFT_OUT = "[the picture was left out to make room; read the file again if it is needed]"


def images_of(messages: Iterable[Message]) -> list[Image]:
    """All images, oldest first."""
    return list(chain.from_iterable(_images_of.each(messages)))


@OncePerValue
def _images_of(message: Message) -> tuple[Image, ...]:
    return message.images if isinstance(message, ToolMessage) else ()


def with_newest_images(messages: Sequence[Message]) -> list[Message]:
    """The messages with no more images than one request may have.

    Once there are too many, the older half goes at once, so that the prefix stays the same for a while.
    """
    images = images_of(messages)
    kept: list[Image] = []
    for image in images:
        kept.append(image)
        most = 1.0 if _filled(kept) <= 1.0 else 0.5
        while len(kept) > 1 and _filled(kept) > most:
            kept.pop(0)
    return without_oldest_images(messages, len(images) - len(kept))


def _filled(images: Sequence[Image]) -> float:
    """How much of what one request may have these are; 1 is all of it."""
    return max(len(images) / _MOST, sum(len(image.base64) for image in images) / _MOST_CHARACTERS)


def without_oldest_images(messages: Sequence[Message], count: int) -> list[Message]:
    """The messages without that many of their oldest images, each of which leaves a note in its result."""
    if count <= 0:
        return list(messages)
    fewer: list[Message] = []
    for message in messages:
        if isinstance(message, ToolMessage) and count > 0:
            fewer.append(_without_oldest(message, count))
            count -= len(message.images)
        else:
            fewer.append(message)
    return fewer


def _without_oldest(message: ToolMessage, count: int) -> ToolMessage:
    results = []
    for result in message.results:
        results.append(result.with_images(result.images[max(count, 0) :], _LEFT_OUT))
        count -= len(result.images)
    return ToolMessage(tuple(results))
