"""What an image counts is never told too low, whichever provider counts."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent_lsp.conversation.messages import Image
from agent_lsp.models.image_tokens import billed_tokens, image_tokens

SIDES = st.integers(1, 8_000)
Rule = Callable[[int, int], float]


def patches(side: int, most: int, tokens: float = 1.0) -> Rule:
    """So many pixels a side are a patch; what has more than `most` of them is scaled down to those."""
    return lambda width, height: min(math.ceil(width / side) * math.ceil(height / side), most) * tokens


def tiles(base: int, each: int) -> Rule:
    """Scaled to fit 2,048 × 2,048, then to a shorter side of 768; a tile has 512 a side."""

    def count(width: int, height: int) -> int:
        scale = min(1.0, 2_048 / max(width, height))
        scale *= min(1.0, 768 / (min(width, height) * scale))
        sides = (math.ceil(round(side * scale, 6) / 512) for side in (width, height))
        return base + each * math.prod(sides)

    return count


RULES: dict[str, Rule] = {
    "claude-sonnet-4-5": patches(28, 1_568),
    "claude-opus-4-7": patches(28, 4_784),
    "gpt-4o": tiles(85, 170),
    "gpt-5": tiles(70, 140),
    "gpt-4o-mini": tiles(2_833, 5_667),
    "gpt-4.1-mini": patches(32, 1_536, 1.62),
    "gpt-4.1-nano": patches(32, 1_536, 2.46),
    "gpt-5.4": patches(32, 10_000, 1.2),
    "gemini-3-pro": lambda *_: 1_120,
    "qwen3-vl": patches(28, 16_384),
}


@pytest.mark.parametrize("model", RULES)
@given(SIDES, SIDES)
@example(1, 1)
@example(1, 8_000)
@example(2_048, 768)
@example(1_568, 1_568)
@example(8_000, 8_000)
def test_no_rule_counts_more_than_what_is_set_aside(model: str, width: int, height: int) -> None:
    image = Image("image/png", width, height, "")

    assert RULES[model](width, height) <= billed_tokens(image, model)


@pytest.mark.parametrize("model", sorted(RULES.keys() - {"gpt-4o-mini"}))
@given(SIDES, SIDES)
def test_no_rule_fills_more_of_a_window_than_is_counted(model: str, width: int, height: int) -> None:
    assert RULES[model](width, height) <= image_tokens(Image("image/png", width, height, ""))


def test_known_images_count_within_reason() -> None:
    assert [image_tokens(Image("", *size, "")) for size in ((16, 16), (640, 480), (1_920, 1_080), (8_000, 8_000))] == [
        1_500,
        1_500,
        6_620,
        16_384,
    ]
