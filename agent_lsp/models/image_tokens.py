"""How many tokens an image counts, from above: each provider has its own rule, and changes it."""

from __future__ import annotations

from agent_lsp.conversation.messages import Image

_PATCH = 28
"""Pixels a side that are one token (Anthropic, "Vision"; Qwen-VL); OpenAI's patches have 32."""
_DEAREST = 2.46
"""Tokens that a patch is billed as (OpenAI, "Images and vision": gpt-4.1-nano)."""
_LEAST, _MOST = 1_500, 16_384
"""For an image of any size. Eight tiles of gpt-4o are 1,445 and an image of Gemini 3 is 1,120; Qwen-VL makes at most
16,384 of one, OpenAI 10,000, Anthropic 4,784."""
_MINI_BASE, _MINI_TILE, _MINI_TILES = 2_833, 5_667, 8
"""gpt-4o-mini bills these, and no window is filled by them (OpenAI, "Images and vision"). An image is scaled to
2,048 × 768 pixels at most, which are eight tiles of 512."""


def image_tokens(image: Image) -> int:
    """Tokens of the window that an image fills at most, with any provider."""
    patches = -(-image.width // _PATCH) * -(-image.height // _PATCH)
    return min(_MOST, max(_LEAST, int(patches * _DEAREST) + 1))


def billed_tokens(image: Image, model: str) -> int:
    """Tokens that an image is billed as at most; `model` as price tables name it."""
    if "gpt-4o-mini" in model:
        return _MINI_BASE + _MINI_TILE * _MINI_TILES
    return image_tokens(image)
