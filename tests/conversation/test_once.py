"""What is computed once for each value."""

from __future__ import annotations

import gc
from itertools import count

from agent_lsp.conversation.messages import UserMessage
from agent_lsp.conversation.once import OncePerValue


def test_a_value_is_computed_once_and_equal_values_each_for_themselves() -> None:
    number = count(1)
    once = OncePerValue[UserMessage, int](lambda _: next(number))
    one, equal = UserMessage("a"), UserMessage("a")
    assert (once(one), once(one), once(equal), once(one)) == (1, 1, 2, 1)


def test_what_was_computed_of_a_value_goes_with_it() -> None:
    once = OncePerValue[UserMessage, int](lambda message: len(message.text))
    for length in range(100):
        assert once(UserMessage("a" * length)) == length
    gc.collect()
    assert not once._known
