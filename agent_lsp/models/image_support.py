"""A Model around a Model that finds out which images it takes, and goes on without those it refuses.

A refused image would stand in the history and be refused for ever after. Where others were taken, those that are new
are to blame; a model that has refused several and taken none sees nothing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import replace
from itertools import chain, count

from agent_lsp.conversation.messages import Image, Message, ToolMessage
from agent_lsp.conversation.once import OncePerValue
from agent_lsp.models import (
    BadRequest,
    Chunk,
    Completed,
    ContextTooLong,
    Model,
    ModelError,
    Passing,
    Request,
    RetryChunk,
    SentAgain,
)

_ABOUT_IMAGES = re.compile(r"image|vision|multi-?modal|mmproj", re.IGNORECASE)
"""In the words of servers that refuse images with a 500 (llama.cpp, vLLM)."""
_NOT_SHOWN = "[the picture itself cannot be shown to you: say so where that matters]"
_AGAIN = 2
"""Times to ask again at most: without the images that are new, then without any."""
_SEVERAL = 2


class ModelWithImages:
    """Asks `inner` again without images that it refused. What it refuses is known as long as this lives."""

    def __init__(self, inner: Model) -> None:
        self.inner = inner
        self._taken: set[int] = set()
        self._refused: set[int] = set()

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def note(self) -> str:
        return self.inner.note

    @property
    def context_window(self) -> int:
        return self.inner.context_window

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        images = set() if self._blind else _images(request) - self._refused
        left_out = set[int]()
        for attempt in count(1):
            shown = False
            try:
                async with aclosing(self.inner.stream(_with(request, images))) as chunks:
                    async for chunk in chunks:
                        shown = True
                        if isinstance(chunk, Completed):  # who has that does not ask for more
                            self._learn(images, left_out)
                        yield chunk
                    return
            except ModelError as refusal:
                if shown or not images or not _may_be_for_images(refusal):
                    raise
                why, cost = str(refusal), refusal.may_have_cost
            suspects = images - self._taken or images
            images, left_out = images - suspects, left_out | suspects
            which = "new pictures" if images else "pictures"
            yield RetryChunk(f"{which} are left out, for {why}", attempt, _AGAIN, 0.0, may_have_cost=cost)
            yield SentAgain()

    async def close(self) -> None:
        await self.inner.close()

    def _learn(self, taken: set[int], left_out: set[int]) -> None:
        """An answer came: what was sent is taken, and what was left out for it was to blame."""
        self._taken |= taken
        self._refused |= left_out

    @property
    def _blind(self) -> bool:
        return len(self._refused) >= _SEVERAL and not self._taken


def _may_be_for_images(error: ModelError) -> bool:
    if isinstance(error, Passing):
        return bool(_ABOUT_IMAGES.search(str(error)))
    return isinstance(error, BadRequest | ContextTooLong)


def _images(request: Request) -> set[int]:
    """The images of a request by their hashes: a megabyte each is too much to keep."""
    return set(chain.from_iterable(_hashes.each(request.messages)))


@OncePerValue
def _hashes(message: Message) -> tuple[int, ...]:
    return tuple(map(hash, message.images)) if isinstance(message, ToolMessage) else ()


def _with(request: Request, images: Collection[int]) -> Request:
    """The request with these images only."""
    if not any(_hashes.each(request.messages)):
        return request
    return replace(request, messages=tuple(_message(message, images) for message in request.messages))


def _message(message: Message, images: Collection[int]) -> Message:
    if not isinstance(message, ToolMessage) or not message.images:
        return message

    def kept(some: tuple[Image, ...]) -> tuple[Image, ...]:
        return tuple(image for image in some if hash(image) in images)

    return ToolMessage(tuple(result.with_images(kept(result.images), _NOT_SHOWN) for result in message.results))
